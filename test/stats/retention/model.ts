/**
 * Retention by brute force, as its definition reads: events in memory, days and hours by Intl, users in sets. No SQL, no
 * rollups, nothing of `src/lib/stats`.
 */
import { addDays, type Day, type Grain, type Weekday, windowEnd, windowStart } from '../../../src/lib/core/time.js'

export interface ModelEvent {
  readonly at: string
  readonly user: string
  readonly type: string
  readonly id: string
  readonly properties: Readonly<Record<string, unknown>>
}

/** A selector or a segment as a test of an event; each piece holds for everything when it is left out. */
export interface ModelQuestion {
  readonly zone: string
  readonly weekStart: Weekday
  readonly windowType: Grain
  /** The first and the last cohort: days, for hours also `2020-06-10T06:00`. */
  readonly startDate: string
  readonly to: string
  readonly windows: number
  readonly cohort: 'first-ever' | 'first-matching' | 'active'
  readonly mode: 'on' | 'on-or-after'
  readonly clock: 'calendar' | 'rolling'
  readonly minReturnEvents: number
  readonly asOfMs: number
  readonly isStartType: (event: ModelEvent) => boolean
  /** Its brackets. */
  readonly startHolds: (event: ModelEvent) => boolean
  readonly isReturn: (event: ModelEvent) => boolean
  readonly inSegments: (event: ModelEvent) => boolean
}

export interface ModelRow {
  readonly cohort: string
  readonly size: number | null
  readonly users: (number | null)[]
  readonly rates: (number | null)[]
  readonly complete: boolean[]
  /** Whether each window is over and the data covers it. */
  readonly isOver: boolean[]
  /** Who is in each cell. */
  readonly names: string[][]
}

const hourMs = 3_600_000
const quarterMs = hourMs / 4
const rollingMs = { hour: hourMs, day: 24 * hourMs, week: 168 * hourMs, month: 720 * hourMs }

export function naiveRetention(events: readonly ModelEvent[], question: ModelQuestion): ModelRow[] {
  const { windowType, zone, windows, clock, mode, asOfMs } = question
  const calendar = windowType === 'hour' ? hoursOf(question) : daysOf(question)
  const users = [...new Set(events.map(({ user }) => user))].sort()
  const newest = events
    .map(({ at }) => local(Date.parse(at), zone).slice(0, 10))
    .sort()
    .at(-1)
  const dataEndMs = newest === undefined ? -Infinity : dayBegins(addDays(newest, 1), zone)

  return calendar.cohorts.map((cohort, index) => {
    const names: string[][] = []
    const spans: [number, number][] = []
    for (let k = 0; k <= windows; k++) {
      const w = rollingMs[windowType]
      spans.push(
        k > 0 && clock === 'rolling'
          ? [calendar.begins(index) + k * w, calendar.begins(index + 1) + (k + 1) * w]
          : [calendar.begins(index + k), calendar.begins(index + k + 1)],
      )
      names.push(
        users.filter((user) =>
          isInCell(
            events.filter((event) => event.user === user),
            index,
            k,
          ),
        ),
      )
    }
    const isAhead = spans.map(
      ([begins, ends], k) =>
        // A day that the zone leaves out ends when it begins.
        (begins >= asOfMs && ends > asOfMs) ||
        // As-of at the second of two midnights is the day that begins, as a person writes it.
        (clock === 'calendar' &&
          windowType !== 'hour' &&
          `${calendar.name(index + k)}T00:00:00` === local(asOfMs, zone)),
    )
    const counts = names.map((list, k) => (isAhead[k] ? null : list.length))
    const isOver = spans.map(([, ends], k) => !isAhead[k] && ends <= Math.min(asOfMs, dataEndMs))
    return {
      cohort,
      size: counts[0]!,
      users: counts,
      rates: counts.map((count) => (count === null || !counts[0] ? null : count / counts[0])),
      isOver,
      complete: isOver.map((over, k) =>
        mode === 'on' || k === 0 ? over : isOver[0]! && !isAhead[k] && counts[k] === counts[0],
      ),
      names: names.map((list, k) => (isAhead[k] ? [] : list)),
    }
  })

  function isInCell(own: readonly ModelEvent[], index: number, k: number): boolean {
    const starts = startsOf(own, question, (at) => calendar.isCohort(calendar.indexOf(at)))
    const start = starts.find(({ at }) => calendar.indexOf(at) === index)
    if (start === undefined) return false
    if (k === 0) return true
    const returns = own
      .filter((event) => question.isReturn(event) && question.inSegments(event))
      .filter(({ at }) => {
        const number =
          clock === 'calendar'
            ? calendar.indexOf(at) - index
            : Math.floor((Date.parse(at) - Date.parse(start.at)) / rollingMs[windowType])
        return mode === 'on' ? number === k : number >= k
      })
    return returns.length >= question.minReturnEvents
  }
}

/** The events that put a user into cohorts. */
function startsOf(
  own: readonly ModelEvent[],
  question: ModelQuestion,
  isInRange: (at: string) => boolean,
): ModelEvent[] {
  const ordered = [...own].sort((a, b) => Date.parse(a.at) - Date.parse(b.at) || (a.id < b.id ? -1 : 1))
  const ofType = ordered.filter(question.isStartType)
  const holds = (event: ModelEvent) => question.startHolds(event) && question.inSegments(event)
  switch (question.cohort) {
    case 'first-ever':
      return ofType.slice(0, 1).filter(holds)
    case 'first-matching':
      return ofType.filter(holds).slice(0, 1)
    case 'active': {
      const starts = ofType.filter(holds)
      return question.clock === 'rolling' ? starts.filter(({ at }) => isInRange(at)).slice(0, 1) : starts
    }
  }
}

interface Calendar {
  readonly cohorts: string[]
  name(index: number): string
  isCohort(index: number): boolean
  indexOf(at: string): number
  begins(index: number): number
}

function daysOf({ windowType, weekStart, startDate, to, zone }: ModelQuestion): Calendar {
  const starts: Day[] = [windowStart(startDate, windowType, weekStart)]
  while (starts.length < 1100) starts.push(windowEnd(starts.at(-1)!, windowType))
  const cohorts = starts.filter((start) => start <= to)
  return {
    cohorts,
    name: (index) => starts[index]!,
    isCohort: (index) => index >= 0 && index < cohorts.length,
    indexOf: (at) => starts.findLastIndex((start) => start <= local(Date.parse(at), zone).slice(0, 10)),
    begins: (index) => dayBegins(starts[index]!, zone),
  }
}

/** An hour begins on the hour of the local clock, and where the clock is changed by half an hour. */
function hoursOf({ startDate, to, zone, windows }: ModelQuestion): Calendar {
  const first = startDate.includes('T') ? startDate : `${startDate}T00:00`
  const last = to.includes('T') ? to : `${to}T23:00`
  const begins: number[] = []
  const end = Date.parse(`${last}Z`) + (windows + 40) * hourMs
  for (let at = Date.parse(`${first}Z`) - 30 * hourMs; at < end; at += quarterMs) {
    const isChanged = Date.parse(`${local(at, zone)}Z`) - Date.parse(`${local(at - quarterMs, zone)}Z`) !== quarterMs
    if (local(at, zone).endsWith(':00:00') || isChanged) {
      if (local(at, zone).slice(0, 16) >= first) begins.push(at)
    }
  }
  const isCohort = (index: number) => index >= 0 && local(begins[index]!, zone).slice(0, 14) <= `${last.slice(0, 13)}:`
  return {
    name: (index) => local(begins[index]!, zone),
    cohorts: begins.filter((_, index) => isCohort(index)).map((at) => local(at, zone) + offset(at, zone)),
    isCohort,
    indexOf: (at) => begins.findLastIndex((begin) => begin <= Date.parse(at)),
    begins: (index) => begins[index]!,
  }
}

function offset(at: number, zone: string): string {
  const minutes = (Date.parse(`${local(at, zone)}Z`) - at) / 60_000
  const size = Math.abs(minutes)
  const two = (count: number) => String(count).padStart(2, '0')
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`
}

const dayStarts = new Map<string, number>()

/** The first instant at which clocks show this day or a later one. */
function dayBegins(day: Day, zone: string): number {
  const known = dayStarts.get(`${zone} ${day}`)
  if (known !== undefined) return known
  let at = Date.parse(`${day}Z`) - 15 * hourMs
  while (local(at, zone).slice(0, 10) < day) at += quarterMs
  dayStarts.set(`${zone} ${day}`, at)
  return at
}

const clocks = new Map<string, Intl.DateTimeFormat>()

/** What clocks in a zone show at an instant: `2025-08-31T12:00:00`. */
export function local(at: number, zone: string): string {
  const clock =
    clocks.get(zone) ?? new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' })
  clocks.set(zone, clock)
  return clock.format(at).replace(' ', 'T')
}
