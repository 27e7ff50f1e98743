/**
 * What a browser sends to /collect, as lines that the splitter and the database read like any others. Nothing is
 * parsed: what the server adds is put into the bytes of each event, what it gives and what events share in front (of a
 * key that comes twice the last one wins, so what the browser says wins) and the address after (so the browser
 * cannot say it).
 */

import { randomUUID } from 'node:crypto'
import { EaError } from '../../core/errors.js'
import { bytesAtOnce, inTurns, type Steps } from '../../core/in-turns.js'
import { skipSpace, Walk } from '../../load/json-walk.js'
import { type Mapping, resolveMapping } from '../../load/mapping/mapping.js'
import type { Chunk } from '../../load/split/chunk.js'
import { grouped } from '../../present/tables/cell-text.js'
import { readBody } from './body.js'
import { malformed, outsideOf } from './envelope.js'
import { type ByteSpan, membersOf, type SharedFields, SharedMembers, type SharedNames } from './shared-fields.js'

/** One request to /collect holds at most so many events: a browser sends a few, and what they share goes to each. */
export const maxCollected = 10_000

/** Keys under which the server gives what an event itself does not. */
const given = { eventId: '@event_id', occurredAt: '@received_at', session: '@session' } as const

/** What events in a batch share, where they do not say it themselves. */
const sharedNames: SharedNames = {
  fields: [
    ['visitorId', 'user_id'],
    ['eventType', 'event_type'],
    ['timestamp', 'occurred_at'],
  ],
  scalars: ['sessionId', 'siteId'],
  properties: ['eventData', 'properties'],
  own: ['eventId', 'event_id', ...Object.values(given)],
}

const addressKey = 'client_address'

/** Which keys of a line of `/collect` become which fields; the others become properties, under those of `eventData`. */
export const collectMapping: Mapping = {
  ...resolveMapping({
    columns: null,
    map: {
      event_id: sources('eventId', 'event_id', given.eventId),
      occurred_at: sources('timestamp', 'occurred_at', given.occurredAt),
      // The session is there twice: under its own name it is a property.
      user_id: sources('visitorId', 'user_id', given.session),
      event_type: sources('eventType', 'event_type'),
      properties: sources('eventData', 'properties'),
    },
  }),
  ownKeys: Object.values(given),
}

function sources(...names: readonly string[]) {
  return names.map((name) => ({ name, path: [name] }))
}

/** What the server knows about a request to /collect. */
export interface Received {
  /** When it came: the time of an event that does not tell its own. */
  readonly at: Date
  /** The address of the client, where it is to be stored. */
  readonly clientAddress?: string | undefined
}

/**
 * Reads a body of /collect: one event, `{"events": […]}` with what they share beside it, or an array.
 *
 * @returns one chunk of the kind `collect`, to be read with `collectMapping`
 * @throws EaError `malformed_body` with the byte offset, `body_too_large` for more than 10,000 events
 * @example
 * await readCollected(Buffer.from('{"eventType": "click", "visitorId": "v1"}'), { at: new Date() })
 */
export async function readCollected(bytes: Buffer, received: Received): Promise<Chunk> {
  const lines = await inTurns(collectLines(bytes, received))
  return lines.length === 0 ? readBody(emptyArray, 'json') : readBody(lines, 'ndjson')
}

const emptyArray = Buffer.from('[]')

const openBrace = 0x7b
const doubleQuote = 0x22
const lf = 0x0a
const cr = 0x0d

/** The events of a body, each on a line, with what the server adds. */
function* collectLines(bytes: Buffer, received: Received): Steps<Buffer> {
  const members = new SharedMembers(bytes)
  const outside = yield* outsideOf(bytes, members.add)
  if (outside.kind === 'lines') throw malformed(bytes, outside.from, 'one event, an array or {"events": […]}')
  const shared = (outside.envelope === null ? new SharedMembers(bytes) : members).read(sharedNames)
  const events = outside.kind === 'object' ? [outside] : yield* elementsOf(bytes, outside)
  shared.requireRoom(events.length)
  const lines = new Lines(bytes, shared, received)
  let seen = 0
  for (const event of events) {
    yield* lines.add(event)
    if (lines.bytes - seen < bytesAtOnce) continue
    yield
    seen = lines.bytes
  }
  return lines.all()
}

function* elementsOf(bytes: Buffer, { from, to }: ByteSpan): Steps<ByteSpan[]> {
  const walk = new Walk()
  const elements: ByteSpan[] = []
  const end = yield* walk.array(bytes, from, to, (start, stop) => {
    if (elements.length === maxCollected) throw tooManyEvents()
    elements.push({ from: start, to: stop })
  })
  if (end === -1) throw malformed(bytes, walk.at, walk.expected)
  const next = skipSpace(bytes, end)
  if (next < to) throw malformed(bytes, next, 'the end of the body')
  return elements
}

function tooManyEvents(): EaError {
  return new EaError('body_too_large', `The body holds more than ${grouped(maxCollected)} events.`, {
    suggestions: ['Send them in several requests, or to POST /events.'],
    details: { max_records: maxCollected },
  })
}

/** What stands in place of `[from, to)`. */
interface Patch extends ByteSpan {
  readonly text: string
}

/** Writes the events of one body as lines. */
class Lines {
  readonly #bytes: Buffer
  readonly #shared: SharedFields
  readonly #session: string
  readonly #receivedAt: Date
  /** The member for the address of the client; empty when it is not to be stored. */
  readonly #address: string
  readonly #pieces: Buffer[] = []
  /** How many it has written. */
  bytes = 0

  constructor(bytes: Buffer, shared: SharedFields, { at, clientAddress }: Received) {
    this.#bytes = bytes
    this.#shared = shared
    this.#session = shared.scalar('sessionId') ?? 'null'
    this.#receivedAt = at
    this.#address = clientAddress === undefined ? '' : `"${addressKey}":${JSON.stringify(clientAddress)}`
  }

  /** Adds an event. One that is no object, or holds something else than members, goes as it is, to be rejected. */
  *add({ from, to }: ByteSpan): Steps<void> {
    const bytes = this.#bytes
    const event = yield* membersOf(bytes, from, to)
    if (event === null) {
      this.#copy(from, to)
      this.#push(lineEnd)
      return
    }
    const id = timeOrderedId(this.#receivedAt)
    const time = this.#receivedAt.toISOString()
    this.#write(`{"${given.eventId}":"${id}","${given.occurredAt}":"${time}","${given.session}":`)
    const session = event.get('sessionId')
    if (session && isTextOrNumber(bytes[session.from]!)) {
      this.#copy(session.from, session.to)
    } else this.#write(session ? 'null' : this.#session)
    this.#write(this.#shared.textFor(bytes, event))
    if (event.size > 0) this.#write(',')
    let at = from + 1
    for (const patch of this.#patches(event.get('eventData'), event.get('properties'))) {
      this.#copy(at, patch.from)
      this.#write(patch.text)
      at = patch.to
    }
    this.#copy(at, to - 1)
    this.#write(this.#address === '' ? '}' : `,${this.#address}}`)
    this.#push(lineEnd)
  }

  all(): Buffer {
    return Buffer.concat(this.#pieces, this.bytes)
  }

  /** The address inside of `eventData`, too: its keys win over those around it. */
  #patches(...explicit: readonly (ByteSpan | undefined)[]): Patch[] {
    if (this.#address === '') return []
    return explicit
      .flatMap((span) => (span === undefined ? [] : this.#patch(span)))
      .sort((one, other) => one.from - other.from)
  }

  #patch({ from, to }: ByteSpan): Patch[] {
    const bytes = this.#bytes
    if (bytes[from] === openBrace) {
      const isEmpty = skipSpace(bytes, from + 1) === to - 1
      return [{ from: to - 1, to: to - 1, text: isEmpty ? this.#address : `,${this.#address}` }]
    }
    // An object may also come as a text that holds it.
    if (bytes[from] !== doubleQuote) return []
    const text = parsed(bytes.toString('utf8', from, to))
    const close = typeof text === 'string' ? text.lastIndexOf('}') : -1
    if (typeof text !== 'string' || close === -1) return []
    const separator = /^\s*\{\s*$/.test(text.slice(0, close)) ? '' : ','
    return [{ from, to, text: JSON.stringify(text.slice(0, close) + separator + this.#address + text.slice(close)) }]
  }

  #write(text: string): void {
    this.#push(Buffer.from(text))
  }

  /** Bytes of the body, on one line: a raw line break is white space there. */
  #copy(from: number, to: number): void {
    const piece = this.#bytes.subarray(from, to)
    if (!piece.includes(lf) && !piece.includes(cr)) {
      this.#push(piece)
      return
    }
    const copy = Buffer.from(piece)
    for (let at = 0; at < copy.length; at++) if (copy[at] === lf || copy[at] === cr) copy[at] = 0x20
    this.#push(copy)
  }

  #push(piece: Buffer): void {
    this.#pieces.push(piece)
    this.bytes += piece.length
  }
}

const lineEnd = Buffer.from('\n')

/** The value of a JSON text; undefined when it is none. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Whether a value that begins with this byte can be a user. */
function isTextOrNumber(byte: number): boolean {
  return byte === doubleQuote || byte === 0x2d || (byte >= 0x30 && byte <= 0x39)
}

/** A uuid of version 7: those of one time lie side by side in the index. */
function timeOrderedId(at: Date): string {
  const time = at.getTime().toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`
}
