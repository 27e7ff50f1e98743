/** The users and days of a batch, counted while it was read: what completing it would otherwise read all of its events for. */

/** How instants become days. */
export interface DayZone {
  /** Its name. */
  readonly reportingTz: string
  /** Offsets from UTC in microseconds, each from an instant on (microseconds since 2000), in order; the first holds from the start. */
  readonly offsets: readonly { readonly from: bigint; readonly offset: bigint }[]
}

/** Each group once; rows as COPY takes them with `FORMAT binary`. To be gone through once, users first. */
export interface CountedDays {
  readonly reportingTz: string
  /** How many events are counted. */
  readonly events: number
  /** `(user_id, day, events, first_day, prev_day, next_day)`, sorted by user and day. */
  readonly users: () => Iterable<Buffer>
  /** `(event_type, day, events)` */
  readonly eventTypes: () => Iterable<Buffer>
}
