/** The names of the formats, as `--format` takes them; apart from the renderers, so that help need not load them. */
export const formats = ['table', 'json', 'ndjson', 'csv', 'md'] as const
export type Format = (typeof formats)[number]
/** Those that can be written row by row, as rows come. */
export const streamedFormats = ['json', 'ndjson', 'csv'] as const satisfies Format[]
export type StreamedFormat = (typeof streamedFormats)[number]
export const isStreamed = (format: Format): format is StreamedFormat =>
  (streamedFormats as readonly Format[]).includes(format)
export const defaultFormat: Format = 'table'

/** What a renderer may know about the place that it writes to. */
export interface RenderOptions {
  /** Whether escape sequences for colours are welcome. */
  readonly color: boolean
  /** Columns of the terminal; only a terminal limits it. 0 (a terminal that does not know) counts as 80. */
  readonly width: number
  readonly isTty: boolean
  /** Whether bars, rules and sparklines may be more than ASCII (default true). The data itself stays as it is. */
  readonly unicode?: boolean | undefined
  /** What shows the columns that a narrow terminal has no room for (default `--format csv`). */
  readonly seeAll?: string | undefined
}
