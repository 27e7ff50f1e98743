/**
 * Days as people write them: a day, a month, a year, or so long ago. Which days `-7d` means depends on today, so a text
 * is checked where it is given and resolved where today is known.
 */
import { addDays, type Day, isDay, years } from './time.js'

/** What to write, for help and errors. */
export const givenDayForms =
  'a day (2025-08-31), a month (2025-08), a year (2025), today, yesterday, or -7d, -12w, -3m, -1y'

/**
 * What is wrong with a text that is not one of the forms, to follow the name of its parameter.
 *
 * @param others what else may be written there, for the sentence
 * @example
 * givenDayFault('1940-01-01') // 'must lie in the years 1970 to 2999'
 */
export function givenDayFault(text: unknown, others = ''): string {
  const isOtherYear = typeof text === 'string' && /^\d{4}(-\d\d(-\d\d([T ].*)?)?)?$/.test(text) && !isYear(text)
  return isOtherYear
    ? `must lie in the years ${years.first} to ${years.last}`
    : `must be ${givenDayForms}${others}; years go from ${years.first} to ${years.last}`
}

function isYear(text: string): boolean {
  const year = Number(text.slice(0, 4))
  return year >= years.first && year <= years.last
}

/** Whether a text is one of the forms. */
export function isGivenDay(text: string): boolean {
  return isDay(text) || isDay(`${text}-01`) || isDay(`${text}-01-01`) || back(text) !== undefined
}

/**
 * The first and the last day that a text means: the same day, unless it names a month or a year.
 *
 * @param text one for which `isGivenDay` holds
 * @param today the day from which `-7d` counts back
 * @example
 * resolveDay('2025-02', '2025-08-31') // { first: '2025-02-01', last: '2025-02-28' }
 * resolveDay('-1m', '2025-03-31') // both '2025-02-28'
 */
export function resolveDay(text: string, today: Day): { first: Day; last: Day } {
  if (isDay(text)) return { first: text, last: text }
  if (isDay(`${text}-01`)) return { first: `${text}-01`, last: lastOfMonth(`${text}-01`) }
  if (isDay(`${text}-01-01`)) return { first: `${text}-01-01`, last: `${text}-12-31` }
  const { count, unit } = back(text)!
  const day =
    unit === 'd'
      ? addDays(today, -count)
      : unit === 'w'
        ? addDays(today, -7 * count)
        : monthsBefore(today, unit === 'm' ? count : 12 * count)
  const known = day < firstKnownDay ? firstKnownDay : day
  return { first: known, last: known }
}

const firstKnownDay = `${years.first}-01-01`

interface Back {
  readonly count: number
  readonly unit: 'd' | 'w' | 'm' | 'y'
}

function back(text: string): Back | undefined {
  if (text === 'today') return { count: 0, unit: 'd' }
  if (text === 'yesterday') return { count: 1, unit: 'd' }
  const parts = /^-(\d{1,4})([dwmy])$/.exec(text)
  return parts === null ? undefined : { count: Number(parts[1]), unit: parts[2] as Back['unit'] }
}

function lastOfMonth(first: Day): Day {
  return addDays(`${addDays(first, 31).slice(0, 8)}01`, -1)
}

/** The same day of an earlier month, or that month's last day. */
function monthsBefore(day: Day, count: number): Day {
  const month = Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7)) - 1 - count
  if (month < 12 * years.first) return firstKnownDay
  const first = `${Math.floor(month / 12)}-${String((month % 12) + 1).padStart(2, '0')}-01`
  const last = lastOfMonth(first)
  const same = `${first.slice(0, 8)}${day.slice(8)}`
  return same > last ? last : same
}
