/**
 * One day as a log sees it: the events of the day are shared out to its active users, cut into sessions, and put in the
 * order of time. Memory grows with the events of one day, never with those of the log.
 */
import { hash, Random } from './random.js'

const stream = 21
const sessionStream = 31
/** The id of a session fits below the time in one double: 2^27 ms × 2^26 sessions. */
const sessionSlots = 2 ** 26
const dayMs = 86_400_000
const maxSessionEvents = 16

/** When sessions begin, by hour of the day (UTC): quiet nights, a bump at noon, full evenings. */
const hourWeights = [4, 2, 1, 1, 1, 2, 5, 9, 12, 13, 12, 12, 14, 13, 12, 11, 12, 14, 17, 20, 21, 18, 12, 8] as const
const hours = hourWeights.flatMap((weight, hour) => Array<number>(weight).fill(hour))

/** The day's events in the order of time: read with `sessionOf` and `msOf`. */
export interface DayLog {
  /** One number per event, ascending. */
  readonly moments: Float64Array
  readonly sessionCount: number
  /** The user of each session. */
  readonly users: Int32Array
}

/** Milliseconds since midnight. */
export const msOf = (moment: number): number => Math.floor(moment / sessionSlots)
/** Which of the day's sessions an event belongs to. */
export const sessionOf = (moment: number): number => moment % sessionSlots
/** The id that all events of a session carry: 32 bits. */
export const sessionId = (seed: number, day: number, session: number): number =>
  hash(seed ^ sessionStream, day, session)

/** Lays out days one after another, in memory that is used again: a DayLog lives until the next one. */
export class DayPlanner {
  private readonly random: Random
  private moments = new Float64Array(0)
  private users = new Int32Array(0)

  constructor(seed: number) {
    this.random = new Random(seed, stream)
  }

  /**
   * Gives each active user at least one event, some many more, exactly `events` in all.
   *
   * @param active the day's users, no more than `events`
   */
  plan(active: Int32Array, events: number): DayLog {
    this.makeRoom(events)
    const weights = new Int32Array(active.length)
    let whole = 0
    for (let i = 0; i < active.length; i++) {
      weights[i] = this.activityWeight()
      whole += weights[i]!
    }
    const extra = events - active.length
    let before = 0
    let given = 0
    let event = 0
    let session = 0
    for (let i = 0; i < active.length; i++) {
      before += weights[i]!
      const upToHere = Math.floor((extra * before) / whole)
      let left = 1 + upToHere - given
      given = upToHere
      while (left > 0) {
        const size = Math.min(left, 4 + this.random.below(maxSessionEvents - 3))
        this.users[session] = active[i]!
        event = this.session(session++, size, event)
        left -= size
      }
    }
    return { moments: this.moments.subarray(0, event).sort(), sessionCount: session, users: this.users }
  }

  /** Times of one session: thinking takes 1 to 90 seconds, more often less. Returns the next free place. */
  private session(session: number, size: number, first: number): number {
    let length = 0
    for (let i = 0; i < size; i++) {
      this.moments[first + i] = length
      const bits = this.random.next()
      length += 1000 + (((bits & 0x1ff) * ((bits >>> 9) & 0x1ff)) >> 2) + ((bits >>> 18) & 0x3fff)
    }
    const last = this.moments[first + size - 1]!
    const bits = this.random.next()
    const hour = hours[(bits & 0xffff) % hours.length]!
    const begins = hour * 3_600_000 + Math.floor(((bits >>> 16) * 3_600_000) / 65_536) + this.random.below(55)
    // A session that would run into the next day begins earlier instead.
    const start = Math.min(begins, dayMs - last - 1 - this.random.below(300_000))
    for (let i = first; i < first + size; i++) this.moments[i] = (start + this.moments[i]!) * sessionSlots + session
    return first + size
  }

  /** 1 to 128, each step half as likely as the one before: a few users do most. */
  private activityWeight(): number {
    const bits = this.random.next()
    const octave = Math.min(5, Math.clz32((bits >>> 2) | 1) - 2)
    return (1 << octave) + (bits & 3)
  }

  private makeRoom(events: number): void {
    if (this.moments.length >= events) return
    const size = Math.ceil(events * 1.25)
    this.moments = new Float64Array(size)
    this.users = new Int32Array(size)
  }
}
