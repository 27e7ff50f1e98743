/**
 * How the times of a source are written: `--time-format` as a value, and a guess from samples for `ea inspect`.
 * The instants themselves are read in SQL (time-sql.ts), by the same forms.
 */
import { EaError } from '../../core/errors.js'

/** `auto` takes ISO 8601 and 10, 13 or 16 digits of epoch time; the others take one form only. */
export type TimeFormat =
  | { readonly kind: 'auto' | 'iso' | 'epoch_s' | 'epoch_ms' | 'epoch_us' }
  /** Fixed-width tokens of to_timestamp and what stands between them: `DD/MM/YYYY HH24:MI:SS`. */
  | { readonly kind: 'pattern'; readonly pattern: string }

const namedFormats = {
  auto: 'auto',
  iso: 'iso',
  'epoch-s': 'epoch_s',
  'epoch-ms': 'epoch_ms',
  'epoch-us': 'epoch_us',
} as const

/** Its value must be as many digits as this. */
export const timeTokens = { YYYY: 4, MM: 2, DD: 2, HH24: 2, MI: 2, SS: 2, MS: 3, US: 6 } as const
type TimeToken = keyof typeof timeTokens

/** What may stand between tokens: no letter but T, so that no misspelt token passes for text. */
const separator = /^[-/.,:; T]$/

const tokenize = (pattern: string): string[] => pattern.match(/YYYY|HH24|MM|DD|MI|SS|MS|US|./gs) ?? []
const isToken = (piece: string): piece is TimeToken => Object.hasOwn(timeTokens, piece)

/**
 * Reads `--time-format`: `auto`, `iso`, `epoch-s`, `epoch-ms`, `epoch-us`, or a pattern of YYYY, MM, DD, HH24, MI, SS,
 * MS (milliseconds), US (microseconds), each at most once and always at full width, with `- / . , : ;`, a space or a T
 * between them. A pattern has at least a year, a month and a day, and no smaller unit without the next larger one.
 *
 * @throws EaError `usage`
 * @example
 * parseTimeFormat('DD/MM/YYYY HH24:MI') // { kind: 'pattern', pattern: 'DD/MM/YYYY HH24:MI' }
 */
export function parseTimeFormat(text: string): TimeFormat {
  if (Object.hasOwn(namedFormats, text)) return { kind: namedFormats[text as keyof typeof namedFormats] }
  const pieces = tokenize(text)
  const tokens = pieces.filter(isToken)
  if (tokens.length === 0) throw wrong(text, `is neither ${Object.keys(namedFormats).join(', ')} nor a pattern`)
  const odd = pieces.find((piece) => !isToken(piece) && !separator.test(piece))
  if (odd !== undefined) throw wrong(text, `has ${JSON.stringify(odd)}, which is no part of a pattern`)
  const twice = tokens.find((token, index) => tokens.indexOf(token) !== index)
  if (twice) throw wrong(text, `has ${twice} twice`)
  if (tokens.includes('MS') && tokens.includes('US')) throw wrong(text, 'has both MS and US')
  for (const token of tokens) {
    const needed = needs[token].filter((larger) => !tokens.includes(larger))
    if (needed.length > 0) throw wrong(text, `has ${token} but not ${needed.join(' and ')}`)
  }
  return { kind: 'pattern', pattern: text }
}

const day = ['YYYY', 'MM', 'DD'] as const
const needs: Readonly<Record<TimeToken, readonly TimeToken[]>> = {
  YYYY: day,
  MM: day,
  DD: day,
  HH24: day,
  MI: ['HH24'],
  SS: ['MI'],
  MS: ['SS'],
  US: ['SS'],
}

function wrong(text: string, what: string): EaError {
  return new EaError('usage', `--time-format ${JSON.stringify(text)} ${what}.`, {
    suggestions: ['Use auto, iso, epoch-s, epoch-ms, epoch-us, or a pattern like "DD/MM/YYYY HH24:MI:SS".'],
  })
}

/** The text that `parseTimeFormat` reads as this format. */
export function formatTimeFormat(format: TimeFormat): string {
  return format.kind === 'pattern' ? format.pattern : format.kind.replace('_', '-')
}

/** What the times of a source look like. */
export interface TimeGuess {
  /** The flag's value that reads all samples; null when none does, or when several would and differ. */
  readonly format: TimeFormat | null
  readonly why: string
}

const iso = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?( UTC|Z|[+-]\d\d(:?\d\d)?)?)?$/
const epochs = { epoch_s: /^\d{10}$/, epoch_ms: /^\d{13}$/, epoch_us: /^\d{16}$/ } as const

// Day first and month first stand side by side: only a number above 12 tells them apart.
const dates = ['DD/MM/YYYY', 'MM/DD/YYYY', 'YYYY/MM/DD', 'DD.MM.YYYY', 'DD-MM-YYYY', 'MM-DD-YYYY', 'YYYYMMDD']
const times = ['', ' HH24:MI', ' HH24:MI:SS', ' HH24:MI:SS.MS', ' HH24:MI:SS.US', 'THH24:MI:SS']
const commonPatterns = dates.flatMap((date) => times.map((time) => date + time))

/**
 * Guesses how times are written. Empty samples do not count.
 *
 * @example
 * detectTimeFormat(['31/01/2025 10:00']).format // { kind: 'pattern', pattern: 'DD/MM/YYYY HH24:MI' }
 */
export function detectTimeFormat(samples: readonly string[]): TimeGuess {
  const texts = samples.filter((sample) => sample !== '')
  const of = `all ${texts.length} samples`
  if (texts.length === 0) return { format: null, why: 'no sample' }
  if (texts.every((text) => iso.test(text))) return { format: { kind: 'iso' }, why: `ISO 8601 in ${of}` }
  for (const kind of ['epoch_s', 'epoch_ms', 'epoch_us'] as const) {
    const unit = { epoch_s: 'seconds', epoch_ms: 'milliseconds', epoch_us: 'microseconds' }[kind]
    if (texts.every((text) => epochs[kind].test(text))) return { format: { kind }, why: `epoch ${unit} in ${of}` }
  }
  const known = [iso, ...Object.values(epochs)]
  if (texts.every((text) => known.some((form) => form.test(text)))) {
    return { format: { kind: 'auto' }, why: `ISO 8601 and epoch times mixed in ${of}` }
  }
  const fitting = commonPatterns.filter((pattern) => texts.every((text) => fitsPattern(text, pattern)))
  if (fitting.length === 1)
    return { format: { kind: 'pattern', pattern: fitting[0]! }, why: `${fitting[0]} fits ${of}` }
  if (fitting.length > 1) return { format: null, why: `${fitting.join(' and ')} both fit ${of}: say which` }
  return {
    format: null,
    why: `no known form fits, for example ${JSON.stringify(texts.find((text) => !iso.test(text)))}`,
  }
}

/** Whether a text has the shape of a pattern and is a date of the calendar. */
function fitsPattern(text: string, pattern: string): boolean {
  const pieces = tokenize(pattern)
  const source = pieces.map((piece) => (isToken(piece) ? `(?<${piece}>\\d{${timeTokens[piece]}})` : `[${piece}]`))
  const found = new RegExp(`^${source.join('')}$`).exec(text)?.groups
  if (!found) return false
  const { YYYY, MM, DD, HH24 = '0', MI = '0', SS = '0' } = found
  if (Number(HH24) > 23 || Number(MI) > 59 || Number(SS) > 59) return false
  const date = new Date(Date.UTC(Number(YYYY), Number(MM) - 1, Number(DD)))
  return date.getUTCMonth() === Number(MM) - 1 && date.getUTCDate() === Number(DD) && Number(YYYY) >= 1970
}
