/**
 * The stats over windows by brute force, each as its definition reads: events in memory, days and hours by Intl, users in
 * sets, every window of the calendar looked at one by one. No SQL, no rollups, nothing of `src/lib/stats`.
 */
import { addDays, type Day, type Grain, type Weekday, windowEnd, windowStart } from '../../src/lib/core/time.js'
import type { GivenEvent } from '../support/events.js'

export interface Question {
  readonly zone: string
  readonly weekStart: Weekday
  readonly grain: Grain
  /** The first and the last day, both included. */
  readonly from: Day
  readonly to: Day
  /** ISO, UTC. */
  readonly asOf: string
}

export class NaiveModel {
  readonly #events: readonly GivenEvent[]
  readonly #question: Question

  /** @param events all that are visible; those of a segment are chosen for a single question */
  constructor(events: readonly GivenEvent[], question: Question) {
    this.#events = events
    this.#question = question
  }

  get range(): { from: Day; to: Day } {
    const { from, to, grain, weekStart } = this.#question
    return { from: windowStart(from, grain, weekStart), to: windowEnd(windowStart(to, grain, weekStart), grain) }
  }

  dau(counts = this.#events) {
    return this.#windows().map((date) => ({
      date,
      unique_users: this.#unlessAhead(
        date,
        this.#usersOf(counts.filter((event) => this.#windowOf(event.at) === date)).size,
      ),
      complete: this.#isComplete(windowEnd(date, this.#question.grain)),
    }))
  }

  /** `wau` and `mau`: the grain of the question is a day. */
  trailing(lengthDays: number, counts = this.#events) {
    return this.#windows().map((date) => {
      const first = addDays(date, 1 - lengthDays)
      const active = counts.filter(({ at }) => first <= this.#dayOf(at) && this.#dayOf(at) <= date)
      return {
        date,
        unique_users: this.#unlessAhead(date, this.#usersOf(active).size),
        complete: this.#isComplete(addDays(date, 1)),
      }
    })
  }

  trend(measure: 'events' | 'unique_users', counts = this.#events) {
    return this.#windows().map((date) => {
      const inside = counts.filter((event) => this.#windowOf(event.at) === date)
      return {
        date,
        key: null,
        value: this.#unlessAhead(date, this.#measured(measure, inside)),
        complete: this.#isWindowComplete(date),
      }
    })
  }

  trendBy(
    measure: 'events' | 'unique_users',
    limit: number,
    keyOf: (event: GivenEvent) => string | null,
    counts = this.#events,
  ) {
    const windows = this.#windows()
    const value = (key: string | null, date: string) =>
      this.#measured(
        measure,
        counts.filter((event) => keyOf(event) === key && this.#windowOf(event.at) === date),
      )
    const keys = [...new Set(counts.filter((event) => windows.includes(this.#windowOf(event.at))).map(keyOf))]
      .map((key) => ({ key, total: windows.reduce((sum, date) => sum + value(key, date), 0) }))
      .sort((a, b) => b.total - a.total || byBytes(a.key, b.key))
      .map(({ key }) => key)
    const kept = keys.slice(0, limit)
    const rest = keys.slice(limit)
    const row = (date: string, key: string | null, others: boolean, number: number) => ({
      date,
      key,
      others,
      value: this.#unlessAhead(date, number),
      complete: this.#isWindowComplete(date),
    })
    return {
      rows: windows.flatMap((date) => [
        ...kept.map((key) => row(date, key, false, value(key, date))),
        // Users of several keys would count twice.
        ...(rest.length === 0 || measure === 'unique_users'
          ? []
          : [
              row(
                date,
                null,
                true,
                rest.reduce((sum, key) => sum + value(key, date), 0),
              ),
            ]),
      ]),
      left: rest.length,
    }
  }

  lifecycle(counts = this.#events) {
    const { grain } = this.#question
    return this.#windows().map((date) => {
      const before = windowStart(addDays(date, -1), grain, this.#question.weekStart)
      const active = this.#usersOf(counts.filter((event) => this.#windowOf(event.at) === date))
      const activeBefore = this.#usersOf(counts.filter((event) => this.#windowOf(event.at) === before))
      const earlier = this.#usersOf(counts.filter((event) => this.#windowOf(event.at) < date))
      const fresh = [...active].filter((user) => !earlier.has(user))
      const stayed = [...active].filter((user) => activeBefore.has(user))
      const back = [...active].filter((user) => earlier.has(user) && !activeBefore.has(user))
      const gone = [...activeBefore].filter((user) => !active.has(user))
      return {
        date,
        new: this.#unlessAhead(date, fresh.length),
        returning: this.#unlessAhead(date, stayed.length),
        resurrecting: this.#unlessAhead(date, back.length),
        dormant: this.#unlessAhead(date, gone.length),
        complete: this.#isWindowComplete(date),
      }
    })
  }

  stickiness(counts = this.#events) {
    const windows = this.#windows()
    const active = [...this.#usersOf(counts)].map((user) => {
      const own = new Set(counts.filter((event) => event.user === user).map((event) => this.#windowOf(event.at)))
      return windows.filter((window) => own.has(window)).length
    })
    return windows.map((_, index) => ({
      periods_active: index + 1,
      users: active.filter((count) => count === index + 1).length,
    }))
  }

  topEvents(limit: number, counts = this.#events) {
    const { from, to } = this.range
    const inside = counts.filter(({ at }) => from <= this.#dayOf(at) && this.#dayOf(at) < to)
    const types = [...new Set(inside.map(({ type }) => type!))].map((type) => {
      const own = inside.filter((event) => event.type === type)
      return {
        event_type: type,
        events: own.length,
        share: own.length / inside.length,
        unique_users: this.#usersOf(own).size,
      }
    })
    return types.sort((a, b) => b.events - a.events || byBytes(a.event_type, b.event_type)).slice(0, limit)
  }

  /** The starts of all windows of the range. */
  #windows(): string[] {
    const { grain, zone } = this.#question
    const { from, to } = this.range
    if (grain === 'hour') return hoursOf(zone, from, to)
    const windows: string[] = []
    for (let start = from; start < to; start = windowEnd(start, grain)) windows.push(start)
    return windows
  }

  #dayOf(at: string): Day {
    return local(at, this.#question.zone).slice(0, 10)
  }

  #windowOf(at: string): string {
    const { grain, zone, weekStart } = this.#question
    return grain === 'hour' ? hourStart(at, zone) : windowStart(this.#dayOf(at), grain, weekStart)
  }

  #usersOf(events: readonly GivenEvent[]): Set<string> {
    return new Set(events.map(({ user }) => user))
  }

  #measured(measure: 'events' | 'unique_users', events: readonly GivenEvent[]): number {
    return measure === 'events' ? events.length : this.#usersOf(events).size
  }

  /** A window that starts at or after as-of has no number: the last moment before as-of lies on an earlier day. */
  #unlessAhead(start: string, value: number): number | null {
    const { grain, asOf } = this.#question
    const now = Date.parse(asOf)
    const isAhead = grain === 'hour' ? Date.parse(start) >= now : this.#dayOf(new Date(now - 1).toISOString()) < start
    return isAhead ? null : value
  }

  #isWindowComplete(start: string): boolean {
    const { grain, asOf, zone } = this.#question
    if (grain !== 'hour') return this.#isComplete(windowEnd(start, grain))
    const newest = this.#events
      .map(({ at }) => this.#dayOf(at))
      .sort()
      .at(-1)
    return newest !== undefined && start.slice(0, 10) <= newest && hourEnd(start, zone) <= Date.parse(asOf)
  }

  /** A window is complete when its end is behind neither as-of nor the end of the newest event's day. */
  #isComplete(end: Day): boolean {
    const days = this.#events.map(({ at }) => this.#dayOf(at)).sort()
    return days.length > 0 && end <= addDays(days.at(-1)!, 1) && end <= this.#dayOf(this.#question.asOf)
  }
}

/** As bytes of UTF-8; what is missing comes last. */
export function byBytes(a: string | null, b: string | null): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

const clocks = new Map<string, Intl.DateTimeFormat>()
const locals = new Map<string, string>()

/** What clocks in a zone show at an instant: `2025-08-31T12:00:00`. */
export function local(at: string, zone: string): string {
  const known = locals.get(`${zone} ${at}`)
  if (known !== undefined) return known
  const clock =
    clocks.get(zone) ?? new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' })
  clocks.set(zone, clock)
  const text = clock.format(new Date(at)).replace(' ', 'T')
  locals.set(`${zone} ${at}`, text)
  return text
}

const quarterMs = 15 * 60_000

/** When the hour began: when the clock last showed a whole one or was changed; on that clock, with its offset. */
function hourStart(at: string, zone: string): string {
  const shown = (instant: number) => local(new Date(instant).toISOString(), zone)
  const aheadMs = (instant: number) => Date.parse(`${shown(instant)}Z`) - instant
  let start = Math.floor(Date.parse(at) / quarterMs) * quarterMs
  while (shown(start).slice(14, 16) !== '00' && aheadMs(start - 1000) === aheadMs(start)) start -= quarterMs
  const ahead = aheadMs(start)
  const offset = new Date(Math.abs(ahead)).toISOString().slice(11, 16)
  return `${shown(start)}${ahead < 0 ? '-' : '+'}${offset}`
}

/** The first instant of the hour after the one that begins at `start`. */
function hourEnd(start: string, zone: string): number {
  let at = Date.parse(start)
  while (hourStart(new Date(at).toISOString(), zone) === start) at += quarterMs
  return at
}

function hoursOf(zone: string, from: Day, to: Day): string[] {
  const starts = new Set<string>()
  const around = 30 * 3_600_000
  for (let at = Date.parse(`${from}Z`) - around; at < Date.parse(`${to}Z`) + around; at += quarterMs) {
    const instant = new Date(at).toISOString()
    const day = local(instant, zone).slice(0, 10)
    if (from <= day && day < to) starts.add(hourStart(instant, zone))
  }
  return [...starts].sort((a, b) => Date.parse(a) - Date.parse(b))
}
