/** Lengths of time as people write them: `90s`, `5m`, `14d`. */

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

export type DurationUnit = keyof typeof unitMs

/**
 * A length of time in whole milliseconds.
 *
 * @param units which units it may have
 * @returns undefined when the text is no number with one of the units behind it
 * @example
 * durationMs('1.5h', ['m', 'h']) // 5400000
 */
export function durationMs(text: string, units: readonly DurationUnit[]): number | undefined {
  const parts = /^(\d{1,15}(?:\.\d{1,15})?)([a-z]+)$/.exec(text)
  const unit = units.find((known) => known === parts?.[2])
  return unit === undefined ? undefined : Math.round(Number(parts![1]) * unitMs[unit])
}
