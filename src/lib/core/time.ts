/**
 * Days, windows and time zones as plain values. A day is its text, `2025-08-31`: it sorts, compares and goes to
 * PostgreSQL as it is. What an instant's day is, only PostgreSQL says: no instant is turned into a day here.
 */

/** `YYYY-MM-DD`. */
export type Day = string

/** The length of one window of a stat, where windows are made of days. */
export const dayGrains = ['day', 'week', 'month'] as const
/** Every length of a window. An hour is an hour of elapsed time that begins on the hour of the local clock. */
export const grains = ['hour', ...dayGrains] as const
export type DayGrain = (typeof dayGrains)[number]
export type Grain = (typeof grains)[number]

/** In the order of ISO: Monday is 1. */
export const weekdays = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const
export type Weekday = (typeof weekdays)[number]

const msPerDay = 86_400_000

/** Days since 1970-01-01. */
function dayNumber(day: Day): number {
  return Date.parse(`${day}T00:00:00Z`) / msPerDay
}

function fromDayNumber(days: number): Day {
  return new Date(days * msPerDay).toISOString().slice(0, 10)
}

/** The years that days can lie in: no event is older, and a clock that is later is wrong. */
export const years = { first: 1970, last: 2999 } as const

/** Whether a text is a day of the calendar, in one of the `years`: no `2025-02-30`, no `2025-8-1`, no `now`. */
export function isDay(text: string): boolean {
  if (!/^(19[7-9]\d|2\d\d\d)-\d\d-\d\d$/.test(text)) return false
  const days = dayNumber(text)
  return Number.isInteger(days) && fromDayNumber(days) === text
}

/** The day `count` days later, or earlier when it is negative. */
export function addDays(day: Day, count: number): Day {
  return fromDayNumber(dayNumber(day) + count)
}

/** How many days `[from, to)` has. */
export function daysBetween(from: Day, to: Day): number {
  return dayNumber(to) - dayNumber(from)
}

/**
 * The first day of the window that holds `day`; the day itself for hours.
 *
 * @example
 * windowStart('2025-08-31', 'week', 'monday') // '2025-08-25'
 */
export function windowStart(day: Day, grain: Grain, weekStart: Weekday): Day {
  switch (grain) {
    case 'hour':
    case 'day':
      return day
    case 'week': {
      // 1970-01-01 was a Thursday, which is 3 when Monday is 0.
      const behind = (dayNumber(day) + 3 - weekdays.indexOf(weekStart) + 7) % 7
      return addDays(day, -behind)
    }
    case 'month':
      return `${day.slice(0, 8)}01`
  }
}

/** The first day after the window that begins on `start`; the next day for hours. */
export function windowEnd(start: Day, grain: Grain): Day {
  if (grain !== 'month') return addDays(start, grain === 'week' ? 7 : 1)
  // The 1st of a month and 31 days is always in the next month.
  return `${addDays(start, 31).slice(0, 8)}01`
}

/** The first day of the window `count` windows later, or earlier when it is negative; `start` begins a window. */
export function addWindows(start: Day, grain: DayGrain, count: number): Day {
  if (grain !== 'month') return addDays(start, grain === 'week' ? 7 * count : count)
  const month = Number(start.slice(0, 4)) * 12 + Number(start.slice(5, 7)) - 1 + count
  return new Date(Date.UTC(Math.floor(month / 12), month % 12)).toISOString().slice(0, 10)
}

/**
 * Whether a text names a time zone as IANA does, by region and place: `Europe/Kyiv`; or UTC by one of its names. No
 * offsets, which PostgreSQL reads backwards, and no abbreviations: what `CST` or `CET` means, it and others disagree about.
 */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)*$/.test(name)) return false
  const zone = canonicalZone(name)
  return zone !== undefined && (name.includes('/') || zone === canonicalZone('UTC'))
}

/** Whether two names mean the same zone: `utc` and `Etc/UTC`, `Europe/Kiev` and `Europe/Kyiv`. */
export function isSameTimeZone(a: string, b: string): boolean {
  return a === b || (canonicalZone(a) ?? a) === (canonicalZone(b) ?? b)
}

function canonicalZone(name: string): string | undefined {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone
  } catch {
    return undefined
  }
}

/** Whether a text is an instant with its offset: `2025-08-31T12:00:00Z`, `2025-08-31T12:00+03:00`. */
export function isInstant(text: string): boolean {
  const parts = /^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|[+-](0\d|1[0-5]):[0-5]\d)$/.exec(
    text,
  )
  return parts !== null && isDay(parts[1]!) && !Number.isNaN(Date.parse(text))
}
