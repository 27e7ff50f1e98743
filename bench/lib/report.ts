/** Medians, targets and the table that is printed. */

/** A measurement beside what it is compared with. */
export interface Line {
  readonly what: string
  readonly measured: string
  readonly against: string
  /** The figure that the targets are about, as it is printed: `2.1×`. */
  readonly figure: string
  readonly gate: string
  readonly aim: string
  readonly verdict: 'aim' | 'gate' | 'MISSED' | ''
}

/** A target: `value` must be at least (or at most) the gate; better still the aim. */
export interface Target {
  readonly kind: 'at least' | 'at most'
  /** Without one the value is only reported, unless it meets the aim. */
  readonly gate?: number
  readonly aim?: number
  readonly unit: string
}

/** The middle one, or the mean of the two in the middle. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Judges a value. @param target undefined for what is only reported */
export function line(
  what: string,
  measured: string,
  against: string,
  value: number | undefined,
  target?: Target,
): Line {
  const shown = (number: number) =>
    `${Math.abs(number) >= 100 ? number.toFixed(0) : number.toFixed(2)}${target?.unit ?? '×'}`
  const figure = value === undefined ? '' : shown(value)
  if (target === undefined || value === undefined)
    return { what, measured, against, figure, gate: '', aim: '', verdict: '' }
  const meets = (limit: number | undefined) =>
    limit !== undefined && (target.kind === 'at least' ? value >= limit : value <= limit)
  const sign = target.kind === 'at least' ? '≥' : '≤'
  const limitText = (limit: number | undefined) => (limit === undefined ? '' : `${sign} ${shown(limit)}`)
  const missed = target.gate === undefined ? '' : 'MISSED'
  return {
    what,
    measured,
    against,
    figure,
    gate: limitText(target.gate),
    aim: limitText(target.aim),
    verdict: meets(target.aim ?? target.gate) ? 'aim' : meets(target.gate) ? 'gate' : missed,
  }
}

/** Seconds with the spread of the rounds: `4.61 s (4.5–4.9)`. */
export function seconds(rounds: readonly number[]): string {
  const spread = rounds.length > 1 ? ` (${Math.min(...rounds).toFixed(2)}–${Math.max(...rounds).toFixed(2)})` : ''
  return `${median(rounds).toFixed(2)} s${spread}`
}

/** Milliseconds with the spread of the rounds: `461 ms (450–490)`; the rounds are in seconds. */
export function milliseconds(rounds: readonly number[]): string {
  const shown = (value: number) => (value < 0.01 ? (1000 * value).toFixed(1) : (1000 * value).toFixed(0))
  const spread = rounds.length > 1 ? ` (${shown(Math.min(...rounds))}–${shown(Math.max(...rounds))})` : ''
  return `${shown(median(rounds))} ms${spread}`
}

/** The lines as a Markdown table, so that it can be pasted into a document. */
export function table(lines: readonly Line[]): string {
  const heads = ['what', 'measured', 'against', 'figure', 'gate', 'aim', 'verdict'] as const
  return markdown(
    heads,
    lines.map((one) => heads.map((head) => one[head])),
  )
}

/** Rows of cells under their heads as a Markdown table, each column as wide as its widest cell. */
export function markdown(heads: readonly string[], cells: readonly (readonly string[])[]): string {
  const rows = [heads, ...cells]
  const widths = heads.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const text = rows.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`)
  text.splice(1, 0, `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`)
  return text.join('\n')
}
