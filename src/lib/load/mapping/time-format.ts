/**
 * How the times of a source are written: `--time-format` as a value, and a guess from samples for `ea inspect` and for imports
 * whose times are neither ISO 8601 nor digits. The instants themselves are read in SQL (time-sql.ts), by the same forms.
 */
import { EaError } from '../../core/errors.js'
import { epochForms, fitsForm, formOf, partOf, piecesOf, plainForms, type TimePart, unpadded } from './time-forms.js'

/**
 * `auto` takes ISO 8601 and 10, 13 or 16 digits of epoch time; `wide` also other forms that can be told apart; `epoch_local` takes
 * digits of a clock that shows local time; the others take one form only.
 */
export type TimeFormat =
  | { readonly kind: 'auto' | 'wide' | 'iso' | 'epoch_s' | 'epoch_ms' | 'epoch_us' | 'epoch_ns' | 'epoch_local' }
  /** Tokens and what is between them: `DD/MM/YYYY HH24:MI:SS`. */
  | { readonly kind: 'pattern'; readonly pattern: string }

const namedFormats = {
  auto: 'auto',
  wide: 'wide',
  iso: 'iso',
  'epoch-s': 'epoch_s',
  'epoch-ms': 'epoch_ms',
  'epoch-us': 'epoch_us',
  'epoch-ns': 'epoch_ns',
  'epoch-local': 'epoch_local',
} as const

/** Tokens of one width each, which SQL reads without an expression. */
export const timeTokens = { YYYY: 4, MM: 2, DD: 2, HH24: 2, MI: 2, SS: 2, MS: 3, US: 6 } as const

/** What may stand between tokens: no letter but T, so that no misspelt token passes for text. */
const separator = /^[-/.,:; T]$/

/**
 * Reads `--time-format`: the name of a format, or a pattern of tokens with `- / . , : ;`, a space or a T between them. YYYY, MM, DD,
 * HH24, MI, SS, MS (milliseconds) and US (microseconds) have their full width; M, D and H24 may have one digit; YY is a year from
 * 1970 to 2069; Mon is an English month, Dy a day of the week, which says nothing; HH12 and H12 need AM; FF is any fraction; TZ a zone.
 * A pattern has at least a year, a month and a day, and no smaller unit without the next larger one.
 *
 * @throws EaError `usage`
 * @example
 * parseTimeFormat('DD/MM/YYYY HH24:MI') // { kind: 'pattern', pattern: 'DD/MM/YYYY HH24:MI' }
 */
export function parseTimeFormat(text: string): TimeFormat {
  if (Object.hasOwn(namedFormats, text)) return { kind: namedFormats[text as keyof typeof namedFormats] }
  const pieces = piecesOf(text)
  const isToken = (piece: string) => partOf(piece) !== undefined
  const tokens = pieces.filter(isToken)
  if (tokens.length === 0) throw wrong(text, `is neither ${Object.keys(namedFormats).join(', ')} nor a pattern`)
  const odd = pieces.find((piece) => !isToken(piece) && !separator.test(piece))
  if (odd !== undefined) throw wrong(text, `has ${JSON.stringify(odd)}, which is no part of a pattern`)
  const place = (token: string) => partNames[partOf(token) ?? 'Dy']
  const twice = tokens.find((token, index) => tokens.findIndex((other) => place(other) === place(token)) !== index)
  if (twice) {
    const first = tokens.find((other) => place(other) === place(twice))!
    throw wrong(text, first === twice ? `has ${twice} twice` : `has both ${first} and ${twice}`)
  }
  const has = (name: string) => tokens.some((token) => place(token) === name)
  for (const token of tokens) {
    const needed = needs[place(token)]!.filter((larger) => !has(larger))
    if (needed.length > 0) throw wrong(text, `has ${token} but not ${needed.map((name) => usual[name]).join(' and ')}`)
  }
  const isTwelve = tokens.some((token) => token.endsWith('12'))
  if (isTwelve !== has('half')) throw wrong(text, isTwelve ? 'has hours up to 12 but not AM' : 'has AM but not HH12')
  return { kind: 'pattern', pattern: text }
}

/** What a token names, whatever its width. */
const partNames: Readonly<Record<TimePart | 'Dy', string>> = {
  Y: 'year',
  YY: 'year',
  M: 'month',
  Mon: 'month',
  D: 'day',
  Dy: 'weekday',
  h: 'hour',
  mi: 'minute',
  s: 'second',
  f: 'fraction',
  ap: 'half',
  z: 'zone',
}
const usual: Readonly<Record<string, string>> = {
  year: 'YYYY',
  month: 'MM',
  day: 'DD',
  hour: 'HH24',
  minute: 'MI',
  second: 'SS',
}

const day = ['year', 'month', 'day'] as const
const needs: Readonly<Record<string, readonly string[]>> = {
  year: day,
  month: day,
  day,
  weekday: day,
  hour: day,
  zone: ['hour'],
  minute: ['hour'],
  second: ['minute'],
  fraction: ['second'],
  half: ['hour'],
}

function wrong(text: string, what: string): EaError {
  return new EaError('usage', `--time-format ${JSON.stringify(text)} ${what}.`, {
    suggestions: [
      'Use auto, wide, iso, epoch-s, epoch-ms, epoch-us, epoch-ns, epoch-local, or a pattern like "DD/MM/YYYY HH24:MI:SS" or "M/D/YYYY H12:MI AM".',
    ],
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
  /** Those that would. */
  readonly fitting?: readonly string[]
}

const iso = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?( UTC|Z|[+-]\d\d(:?\d\d)?)?)?$/
const epochs = { epoch_s: /^\d{10}$/, epoch_ms: /^\d{13}$/, epoch_us: /^\d{16}$/ } as const

// Day first and month first stand side by side: only a number above 12 tells them apart.
const dates = ['DD/MM/YYYY', 'MM/DD/YYYY', 'YYYY/MM/DD', 'DD.MM.YYYY', 'DD-MM-YYYY', 'MM-DD-YYYY', 'YYYYMMDD']
const times = [
  ...['', ' HH24:MI', ' HH24:MI:SS', ' HH24:MI:SS.MS', ' HH24:MI:SS.US', 'THH24:MI:SS'],
  ...[' HH12:MI AM', ' HH12:MI:SS AM', ', HH24:MI', ', HH24:MI:SS', ', HH12:MI:SS AM', ', HH12:MI AM'],
]
const paddedPatterns = [
  ...dates.flatMap((date) => times.map((time) => date + time)),
  'YYYYMMDDHH24MISS',
  'YYYYMMDDHH24MI',
]
const commonPatterns = [...new Set([...paddedPatterns, ...paddedPatterns.map(unpadded)])]

/** Whether a text is read by `auto`. */
const isUsual = (text: string) => iso.test(text) || Object.values(epochs).some((form) => form.test(text))

/** Whether a text is read by `wide`, but not by `auto`. */
const isPlain = (text: string) =>
  Object.values(epochForms).some((form) => new RegExp(form).test(text)) ||
  plainForms.some((form) => fitsForm(text, form))

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
  if (texts.every((text) => /^\d{19}$/.test(text)))
    return { format: { kind: 'epoch_ns' }, why: `epoch nanoseconds in ${of}` }
  if (texts.every(isUsual)) return { format: { kind: 'auto' }, why: `ISO 8601 and epoch times mixed in ${of}` }
  const fitting = patternsOf(texts)
  if (fitting.length === 1) {
    return { format: { kind: 'pattern', pattern: fitting[0]! }, why: `${fitting[0]} fits ${of}` }
  }
  if (texts.every((text) => isUsual(text) || isPlain(text))) {
    return { format: { kind: 'wide' }, why: `times with a form of their own in ${of}` }
  }
  if (fitting.length > 1) return { format: null, why: `${fitting.join(' and ')} both fit ${of}: say which`, fitting }
  return {
    format: null,
    why: `no known form fits, for example ${JSON.stringify(texts.find((text) => !isUsual(text) && !isPlain(text)))}`,
  }
}

/** The common patterns that fit all texts; of one that needs all its zeros and one that does not, the first. */
function patternsOf(texts: readonly string[]): string[] {
  const fitting = commonPatterns.filter((pattern) => {
    const form = formOf(pattern)
    return texts.every((text) => fitsForm(text, form))
  })
  const padded = fitting.filter(
    (pattern) => pattern !== unpadded(pattern) || !fitting.some((one) => unpadded(one) === pattern && one !== pattern),
  )
  return padded
}

/** How the times of a source are read, once its first ones have been seen. */
export interface ResolvedTimes {
  readonly format: TimeFormat
  /** Said when the order of day and month was found by their values. */
  readonly note?: string
  /** Patterns that all fit, of which a person has to choose. */
  readonly choices?: readonly string[]
}

/**
 * `auto` as what its first times show, where they are of no usual form; a pattern without the zeros that they do not have.
 *
 * @param samples the first times as they are given
 */
export function resolveTimes(format: TimeFormat, samples: readonly string[]): ResolvedTimes {
  const texts = samples.filter((sample) => sample !== '')
  if (format.kind === 'pattern') {
    const loose = unpadded(format.pattern)
    const fits = (pattern: string) => texts.filter((text) => fitsForm(text, formOf(pattern))).length
    return fits(loose) > fits(format.pattern) ? { format: { kind: 'pattern', pattern: loose } } : { format }
  }
  // A single odd text among usual ones is a record to reject.
  const odd = texts.filter((text) => !isUsual(text))
  if (format.kind !== 'auto' || 10 * odd.length < texts.length || odd.length === 0) return { format }
  if (2 * odd.filter(isPlain).length > odd.length) return { format: { kind: 'wide' } }
  const known = patternsOf(odd.filter((text) => commonPatterns.some((pattern) => fitsForm(text, formOf(pattern)))))
  if (odd.every((text) => !commonPatterns.some((pattern) => fitsForm(text, formOf(pattern))))) return { format }
  if (known.length > 1) return { format, choices: known }
  if (known.length === 0) return { format }
  const other = known[0]!.startsWith('D') ? 'day' : 'month'
  const note = `Its times are read as ${known[0]}, with the ${other} first, as their values show.`
  const isOrdered = /^(D+|M+)[-/]/.test(known[0]!)
  return { format: { kind: 'pattern', pattern: known[0]! }, ...(isOrdered && { note }) }
}

/** Whether a text is a time of any form that is known, in the years in which events happen. */
export function looksLikeTime(text: string): boolean {
  if (text.length > longestTime || !/\d/.test(text)) return false
  if (/^\d{10}(\d{3}|\d{6}|\d{9})?([.]\d+)?$/.test(text)) {
    const seconds = Number(text.slice(0, 10))
    return seconds >= 631_152_000 && seconds < 2_208_988_800
  }
  return iso.test(text) || isPlain(text) || commonPatterns.some((pattern) => fitsForm(text, formOf(pattern)))
}

/** With the name of a zone in brackets. */
const longestTime = 80
