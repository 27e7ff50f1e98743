/** Which presets a source fits: those whose names are all there. It is only said, never applied. */
import type { SourceName } from '../../load/mapping/expression.js'
import { findColumn } from '../../load/mapping/source-ref.js'
import { type HeadRecord, valueAt } from '../detect/head.js'
import type { Preset } from '../presets/presets.js'

/** What can be seen of a source. */
export interface Seen {
  /** Its first bytes as text. */
  readonly text: string
  /** The names of its header; null when it has none. */
  readonly columns: readonly string[] | null
  /** Its first documents of JSON. */
  readonly documents: readonly HeadRecord[]
}

/** The presets that fit, the one with most names first. */
export function recognised(presets: readonly Preset[], seen: Seen): Preset[] {
  return presets
    .map((preset) => ({ preset, weight: weightOf(preset, seen) }))
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .map(({ preset }) => preset)
}

function weightOf({ recognise }: Preset, { text, columns, documents }: Seen): number {
  if (recognise === null) return 0
  if ('columns' in recognise) return hasWidth(text, recognise.columns) ? 100 : 0
  if ('line' in recognise) {
    const lines = text
      .split(/\r\n|\n|\r/)
      .slice(0, 20)
      .filter((line) => line.trim() !== '')
    // A header decides by itself, lines of a log together.
    const fitting = lines.filter((line) => recognise.line.test(line)).length
    const isHeader = recognise.line.source.startsWith('^#')
    return fitting > 0 && (isHeader || fitting >= 0.8 * (lines.length - (lines.length === 20 ? 0 : 1))) ? 100 : 0
  }
  const { paths } = recognise
  const isThere = (source: SourceName) => {
    if (columns === null) return documents.some((one) => valueAt(one, source.path) !== undefined)
    const column = findColumn(columns, source)
    return column !== undefined && column.path === undefined
  }
  return paths.every((any) => any.some(isThere)) ? paths.length : 0
}

/** Whether the first lines have so many fields between tabs, and no names. */
function hasWidth(text: string, columns: number): boolean {
  const [first, ...others] = text.split(/\r\n|\n|\r/).filter((line) => line !== '')
  if (first === undefined || first.split('\t').length !== columns) return false
  const isHeader = first.split('\t').every((name) => /^[a-z_0-9]+$/i.test(name))
  return (
    !isHeader &&
    others
      .slice(0, 5)
      .slice(0, -1)
      .every((line) => line.split('\t').length === columns)
  )
}
