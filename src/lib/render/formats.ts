/** The names of the formats, as `--format` takes them; apart from the renderers, so that help need not load them. */
export const formats = ['table', 'json', 'ndjson', 'csv', 'md'] as const
export type Format = (typeof formats)[number]
export const defaultFormat: Format = 'table'

/** What a renderer may know about the place that it writes to. */
export interface RenderOptions {
  /** Whether escape sequences for colours are welcome. */
  readonly color: boolean
  /** Columns of the terminal; only a terminal limits it. */
  readonly width: number
  readonly isTty: boolean
}
