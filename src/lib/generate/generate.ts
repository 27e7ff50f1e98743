/**
 * A log of events that never happened: same options, same bytes, on every machine. Users arrive, come back less and
 * less, and do what people do in a shop, in the order of time. It streams: memory grows with the users (four bytes
 * each) and with the events of one day, not with the length of the log.
 *
 *   options ─ random ─ population ─ sessions ─ records ─ CSV or NDJSON
 */
import { type GenerateOptions, type GeneratePlan, parseGenerateOptions } from './options.js'
import { type Population, populate } from './population.js'
import { hash, Random } from './random.js'
import { type Moment, RecordWriter } from './record.js'
import { DayPlanner, msOf, sessionId, sessionOf } from './sessions.js'
import { eventShapes } from './shapes.js'

const streams = { records: 41, steps: 42, users: 43 } as const
const bufferBytes = 256 * 1024
const dayMs = 86_400_000

/** What comes after each kind of event: 64 places per kind. */
const following = eventShapes.map((shape) =>
  Uint8Array.from(
    Object.entries(shape.next).flatMap(([type, places]) =>
      Array<number>(places).fill(eventShapes.findIndex((other) => other.type === type)),
    ),
  ),
)
const viewItem = eventShapes.findIndex((shape) => shape.type === 'view_item')

/** What a log holds, known before its first byte. */
interface LogSummary {
  readonly events: number
  readonly users: number
  /** How many pairs of a user and a day have an event. */
  readonly userDays: number
  /** The first and the last day of the range, as `2025-01-31`. */
  readonly from: string
  readonly to: string
}

export interface EventLog {
  readonly summary: LogSummary
  /**
   * The bytes, piece by piece. A piece lives until the next one is asked for: write it before that, or copy it.
   */
  readonly bytes: Generator<Uint8Array, void>
}

/**
 * Prepares a log; the work is done while its bytes are read.
 *
 * @throws EaError `usage` when an option is out of its range
 * @example
 * for (const piece of generate({ events: 1000, seed: 7 }).bytes) file.write(Buffer.from(piece))
 */
export function generate(options: GenerateOptions = {}): EventLog {
  const plan = parseGenerateOptions(options)
  const firstDayMs = Date.parse(`${plan.from}T00:00:00Z`)
  // 1970-01-01 was a Thursday.
  const population = populate(plan, (((firstDayMs / dayMs + 3) % 7) + 7) % 7)
  return {
    summary: {
      events: plan.events,
      users: plan.users,
      userDays: population.userDays,
      from: plan.from,
      to: isoDay(firstDayMs + (plan.days - 1) * dayMs),
    },
    bytes: play(plan, population, firstDayMs),
  }
}

function* play(plan: GeneratePlan, population: Population, firstDayMs: number): Generator<Uint8Array, void> {
  const writer = new RecordWriter(plan.format, new Random(identity(plan), streams.records), bufferBytes)
  const steps = new Random(plan.seed, streams.steps)
  const planner = new DayPlanner(plan.seed)
  const calendar = new Calendar(plan, population)
  const moment: Moment = { user: 0, ms: 0, sessionId: 0, shape: 0, item: 0, userBits: 0 }
  let daysOfUsers = 0
  for (let day = 0; day < plan.days; day++) {
    const active = calendar.activeOn(day)
    if (active.length === 0) continue
    // Each user-day has one event; the rest is shared out in proportion, so that the sum is exact.
    const extra = plan.events - population.userDays
    const before = Math.floor((extra * daysOfUsers) / population.userDays)
    daysOfUsers += active.length
    const events = active.length + Math.floor((extra * daysOfUsers) / population.userDays) - before

    const { moments, sessionCount, users } = planner.plan(active, events)
    const shapes = new Uint8Array(sessionCount).fill(255)
    const items = new Uint16Array(sessionCount)
    writer.startDay(isoDay(firstDayMs + day * dayMs))
    for (let i = 0; i < moments.length; i++) {
      const session = sessionOf(moments[i]!)
      const bits = steps.next()
      const last = shapes[session]!
      const shape = last === 255 ? 0 : following[last]![bits & 63]!
      shapes[session] = shape
      if (shape === viewItem) items[session] = bits >>> 19
      moment.user = users[session]!
      moment.ms = msOf(moments[i]!)
      moment.sessionId = sessionId(plan.seed, day, session)
      moment.shape = shape
      moment.item = items[session]!
      moment.userBits = hash(plan.seed, streams.users, moment.user)
      writer.write(moment)
      if (writer.isFull) yield writer.take()
    }
  }
  yield writer.take()
}

/** Walks through the days: who is active today is put into the list of the day on which they come next. */
class Calendar {
  private readonly population: Population
  private readonly days: number
  /** The first user of each day's list, or -1. */
  private readonly heads: Int32Array
  /** The next user of the same list, or -1. */
  private readonly next: Int32Array

  constructor(plan: GeneratePlan, population: Population) {
    this.population = population
    this.days = plan.days
    this.heads = new Int32Array(plan.days).fill(-1)
    this.next = new Int32Array(plan.users)
  }

  /** The users of a day; to be asked for each day once, in order. */
  activeOn(day: number): Int32Array {
    const { arrivals, activeUsers } = this.population
    const active = new Int32Array(activeUsers[day]!)
    let filled = 0
    for (let user = this.heads[day]!; user >= 0; user = this.next[user]!) active[filled++] = user
    for (let user = arrivals[day]!; user < arrivals[day + 1]!; user++) active[filled++] = user
    for (const user of active) {
      const nextDay = this.population.nextDay(user, day)
      if (nextDay >= this.days) continue
      this.next[user] = this.heads[nextDay]!
      this.heads[nextDay] = user
    }
    return active
  }
}

/** A number for the whole plan: two logs that differ in any option but the format share no event_id. */
function identity({ format: _, ...plan }: GeneratePlan): number {
  let folded = 0
  for (const char of JSON.stringify(Object.entries(plan).sort())) folded = hash(folded, char.charCodeAt(0), 0)
  return folded
}

function isoDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
