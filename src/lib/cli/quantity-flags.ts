/** The quantities of a command line as numbers: `5m`, `16MB`, `2%`. Each mistake names its flag and shows the form. */
import { durationMs } from '../core/duration.js'
import { EaError } from '../core/errors.js'
import type { RejectBudget } from '../load/import-counts.js'

/**
 * A duration in milliseconds.
 *
 * @param flag for the message: `--wait`
 * @throws EaError `usage`
 * @example
 * parseDurationMs('--wait', '5m') // 300000
 */
export function parseDurationMs(flag: string, text: string): number {
  const ms = text === '0' ? 0 : durationMs(text, ['ms', 's', 'm', 'h'])
  if (ms === undefined) {
    throw new EaError('usage', `${flag} must be a duration like 30s, 5m or 1h, not ${JSON.stringify(text)}.`, {
      suggestions: [`${flag} 5m`],
    })
  }
  return ms
}

const unitBytes = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 } as const

/**
 * A size in bytes; the units are powers of 1024.
 *
 * @param range what the flag can take, in bytes
 * @throws EaError `usage`
 * @example
 * parseBytes('--max-record-bytes', '16MB', { min: 1, max: 2 ** 30 }) // 16777216
 */
export function parseBytes(flag: string, text: string, range: { readonly min: number; readonly max: number }): number {
  const parts = /^(\d+(?:\.\d+)?) ?([kmg]?)(?:i?b)?$/i.exec(text)
  const bytes = parts
    ? Math.round(Number(parts[1]) * unitBytes[parts[2]!.toLowerCase() as keyof typeof unitBytes])
    : Number.NaN
  if (bytes >= range.min && bytes <= range.max) return bytes
  throw new EaError(
    'usage',
    `${flag} must be a size from ${formatBytes(range.min)} to ${formatBytes(range.max)}, like 512kB or 16MB, not ${JSON.stringify(text)}.`,
    { suggestions: [`${flag} 16MB`] },
  )
}

/** The shortest text that `parseBytes` reads as this size. */
export function formatBytes(bytes: number): string {
  if (bytes >= 1024 ** 2 && bytes % 1024 ** 2 === 0) return `${bytes / 1024 ** 2}MB`
  if (bytes >= 1024 && bytes % 1024 === 0) return `${bytes / 1024}kB`
  return String(bytes)
}

/**
 * A budget of rejects: a number, or a share of the records.
 *
 * @throws EaError `usage`
 * @example
 * parseRejectBudget('2%') // { percent: 2 }
 */
export function parseRejectBudget(text: string): RejectBudget {
  if (/^\d{1,15}$/.test(text)) return { records: Number(text) }
  const percent = /^(\d+(?:\.\d+)?) ?%$/.exec(text)?.[1]
  if (percent !== undefined && Number(percent) <= 100) return { percent: Number(percent) }
  throw new EaError('usage', `--max-rejects must be a number or a share, not ${JSON.stringify(text)}.`, {
    suggestions: ['--max-rejects 100', '--max-rejects 0.5%'],
  })
}

/** The text that `parseRejectBudget` reads as this budget. */
export function formatRejectBudget(budget: RejectBudget): string {
  return 'records' in budget ? String(budget.records) : `${budget.percent}%`
}

/**
 * A whole number in a range.
 *
 * @throws EaError `usage`
 */
export function parseCount(flag: string, text: string, range: { readonly min: number; readonly max: number }): number {
  const count = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (count >= range.min && count <= range.max) return count
  throw new EaError(
    'usage',
    `${flag} must be a whole number from ${range.min} to ${range.max}, not ${JSON.stringify(text)}.`,
  )
}
