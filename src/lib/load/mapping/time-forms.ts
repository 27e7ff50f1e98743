/**
 * Forms of times as regular expressions, which JavaScript and PostgreSQL read alike, with what each group of them is: those of
 * a pattern of tokens, and those that can be told apart from all others without being asked for.
 */

/** What a group of an expression holds. */
export type TimePart = 'Y' | 'YY' | 'M' | 'Mon' | 'D' | 'h' | 'mi' | 's' | 'f' | 'ap' | 'z'

/** A form; case does not matter. */
export interface TimeForm {
  readonly regex: string
  readonly parts: readonly TimePart[]
}

const month = '(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}[.]?'
const zone = '(Z|UTC?|GMT|(?:UTC|GMT)?[+-][0-9][0-9](?::?[0-9][0-9])?)'

/** Each token with its expression and what it is; the longer ones first. */
const tokens: readonly (readonly [token: string, regex: string, part: TimePart | null])[] = [
  ['YYYY', '([0-9]{4})', 'Y'],
  ['YY', '([0-9]{2})', 'YY'],
  ['HH24', '([0-9]{2})', 'h'],
  ['HH12', '([0-9]{2})', 'h'],
  ['H24', '([0-9]{1,2})', 'h'],
  ['H12', '([0-9]{1,2})', 'h'],
  ['Mon', month, 'Mon'],
  ['MM', '([0-9]{2})', 'M'],
  ['MI', '([0-9]{2})', 'mi'],
  ['MS', '([0-9]{3})', 'f'],
  ['M', '([0-9]{1,2})', 'M'],
  ['DD', '([0-9]{2})', 'D'],
  ['Dy', '[a-z]{2,9}', null],
  ['D', '([0-9]{1,2})', 'D'],
  ['SS', '([0-9]{2})', 's'],
  ['US', '([0-9]{6})', 'f'],
  ['FF', '([0-9]{1,9})', 'f'],
  ['AM', '([ap]m)', 'ap'],
  ['TZ', zone, 'z'],
]

const pieces = new RegExp(`${tokens.map(([token]) => token).join('|')}|.`, 'gs')

/** A pattern cut into tokens and what is between them. */
export const piecesOf = (pattern: string): readonly string[] => pattern.match(pieces) ?? []

/** What a token is; undefined for what is none. */
export function partOf(piece: string): TimePart | null | undefined {
  return tokens.find(([token]) => token === piece)?.[2]
}

const forms = new Map<string, TimeForm>()

/** The form of a pattern. */
export function formOf(pattern: string): TimeForm {
  const known = forms.get(pattern) ?? newForm(pattern)
  forms.set(pattern, known)
  return known
}

function newForm(pattern: string): TimeForm {
  const parts: TimePart[] = []
  const regex = piecesOf(pattern).map((piece) => {
    const token = tokens.find(([name]) => name === piece)
    if (!token) return `[${piece}]`
    if (token[2]) parts.push(token[2])
    return token[1]
  })
  return { regex: `^${regex.join('')}$`, parts }
}

/** The same pattern for days, months and hours that are not filled up with zeros. */
export const unpadded = (pattern: string) =>
  // Side by side only their zeros tell them apart.
  /(YYYY|MM|DD|HH24|HH12)(YY|MM|DD|HH|MI)/.test(pattern)
    ? pattern
    : piecesOf(pattern)
        .map((piece) => ({ MM: 'M', DD: 'D', HH24: 'H24', HH12: 'H12' })[piece] ?? piece)
        .join('')

const clock = '([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?(?: ?([ap]m))?'
const clockParts = ['h', 'mi', 's', 'f', 'ap'] as const
const weekday = '(?:[a-z]{3,9},? +)?'
const comment = '(?: ?[(][a-z +-]+[)])?'

/** Forms that no other form can be taken for. ISO 8601 as it is mostly written, and digits, are read before these. */
export const plainForms: readonly TimeForm[] = [
  // 2024-01-02 22:00:00,123   2024-01-02 22:00:00 +0200   2024/1/2 9:05 PM   2024-01-02t22:00:00z
  {
    regex: `^([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?:[T ]${clock})?(?: ?${zone})?$`,
    parts: ['Y', 'M', 'D', ...clockParts, 'z'],
  },
  // 20240102T220000Z
  {
    regex: `^([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2}):?([0-9]{2})(?::?([0-9]{2})(?:[.,]([0-9]{1,9}))?)?${zone}?$`,
    parts: ['Y', 'M', 'D', 'h', 'mi', 's', 'f', 'z'],
  },
  // Tue, 02 Jan 2024 22:00:00 GMT   02-Jan-2024 22:00:00   [17/May/2015:10:05:03 +0000]
  {
    regex: `^\\[?${weekday}([0-9]{1,2})(?:st|nd|rd|th)?[-/. ]?${month}[-/, ]{1,2}([0-9]{4})(?:[T:, ]{1,2}${clock})?(?: ?${zone})?${comment}\\]?$`,
    parts: ['D', 'Mon', 'Y', ...clockParts, 'z'],
  },
  // Jan 2, 2024, 10:00:00 PM   Tue Jan 02 2024 22:00:00 GMT+0000 (Coordinated Universal Time)
  {
    regex: `^${weekday}${month} +([0-9]{1,2})(?:st|nd|rd|th)?,? ([0-9]{4})(?:[T:, ]{1,2}(?:at )?${clock})?(?: ?${zone})?${comment}$`,
    parts: ['Mon', 'D', 'Y', ...clockParts, 'z'],
  },
  // Tue Jan  2 22:00:00 UTC 2024
  {
    regex: `^${weekday}${month} +([0-9]{1,2}) ${clock}(?: ${zone})? ([0-9]{4})$`,
    parts: ['Mon', 'D', ...clockParts, 'z', 'Y'],
  },
]

/** Digits with a fraction after their point, and nanoseconds. */
export const epochForms = { epoch_s: '^[0-9]{10}[.][0-9]+$', epoch_ms: '^[0-9]{13}[.][0-9]+$', epoch_ns: '^[0-9]{19}$' }

const compiled = new Map<string, RegExp>()

/** Whether a text is of a form and a time of the calendar. */
export function fitsForm(text: string, { regex, parts }: TimeForm): boolean {
  const expression = compiled.get(regex) ?? new RegExp(regex, 'i')
  compiled.set(regex, expression)
  const found = expression.exec(text)
  if (!found) return false
  const part = (name: TimePart) => {
    const at = parts.indexOf(name)
    return at < 0 ? undefined : found[at + 1]
  }
  const monthName = part('Mon')?.slice(0, 3).toLowerCase()
  const monthNumber = monthName ? 'janfebmaraprmayjunjulaugsepoctnovdec'.indexOf(monthName) / 3 + 1 : Number(part('M'))
  const year = Number(part('Y') ?? `20${part('YY')}`)
  const hour = Number(part('h') ?? 0)
  if (part('ap') === undefined ? hour > 23 : hour < 1 || hour > 12) return false
  if (Number(part('mi') ?? 0) > 59 || Number(part('s') ?? 0) > 59) return false
  const date = new Date(Date.UTC(year, monthNumber - 1, Number(part('D'))))
  return date.getUTCMonth() === monthNumber - 1 && date.getUTCDate() === Number(part('D')) && year >= 1970
}
