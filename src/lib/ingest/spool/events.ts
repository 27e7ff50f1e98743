/** What a spool tells those who watch it, such as a log; nothing depends on anybody listening. */

export type SpoolEvent =
  /** Bytes of a write that a crash cut short; they had not been confirmed to anyone. */
  | { readonly kind: 'torn'; readonly segment: string; readonly bytes: number; readonly reason: string }
  /** Bytes that were safe once and cannot be read any more; they are kept as a dead letter. */
  | { readonly kind: 'damaged'; readonly segment: string; readonly bytes: number; readonly reason: string }
  /** The disk refused a write; the requests of that write were refused, the ones before are safe. */
  | { readonly kind: 'refused'; readonly segment: string; readonly requests: number; readonly error: unknown }
  | {
      readonly kind: 'delivered'
      readonly segment: string
      readonly part: number
      readonly requests: number
      readonly events: number
    }
  /** A part could not be delivered and will be tried again. */
  | {
      readonly kind: 'retrying'
      readonly segment: string
      readonly part: number
      readonly attempt: number
      readonly error: unknown
    }
  /** A part could not be delivered at all and is a dead letter now. */
  | {
      readonly kind: 'buried'
      readonly segment: string
      readonly part: number
      readonly code: string
      readonly message: string
    }
  /** The database is away; told once, until it is back. */
  | { readonly kind: 'away'; readonly error: unknown }
  | { readonly kind: 'back' }
  /** The disk does not do what draining needs; it is tried again. */
  | { readonly kind: 'stuck'; readonly error: unknown }

export type OnSpoolEvent = (event: SpoolEvent) => void
