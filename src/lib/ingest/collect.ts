/**
 * What a browser sends to /collect, as lines that the splitter and the database read like any others. Nothing is
 * parsed: what the server adds is put into the bytes of each event, defaults in front (of a key that stands there
 * twice the last one wins, so what the browser says wins) and the address behind (so the browser cannot say it).
 */
import { isUtf8 } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import { EaError } from '../errors.js'
import { type Mapping, resolveMapping } from '../import/mapping.js'
import type { Chunk } from '../import/split/chunk.js'
import { readBody } from './body.js'
import { keyText, malformed, outsideOf, skipSpace, Walk } from './envelope.js'

/** One request to /collect holds at most so many events: a browser sends a few, and a batch's defaults go to each. */
export const maxCollected = 10_000

/** The longest value of a batch that is given to each of its events, in bytes. */
const maxDefaultBytes = 1024

/** Keys of a batch that are defaults for its events. */
const batchDefaults = ['sessionId', 'visitorId', 'siteId', 'timestamp'] as const

/** Keys under which the server gives what an event itself does not. */
const given = { eventId: '@event_id', occurredAt: '@received_at', session: '@session' } as const

const addressKey = 'client_address'

/** Which keys of a line of `/collect` become which fields; the others become properties, under those of `eventData`. */
export const collectMapping: Mapping = {
  ...resolveMapping({
    columns: null,
    map: {
      event_id: sources('eventId', 'event_id', given.eventId),
      occurred_at: sources('timestamp', 'occurred_at', given.occurredAt),
      // The session stands there twice: under its own name it is a property.
      user_id: sources('visitorId', given.session),
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
 * Reads a body of /collect: one event, `{"events": […]}` with defaults beside it, or an array.
 *
 * @returns one chunk of the kind `collect`, to be read with `collectMapping`
 * @throws EaError `malformed_body` with the byte offset, `body_too_large` for more than 10,000 events
 * @example
 * await readCollected(Buffer.from('{"eventType": "click", "visitorId": "v1"}'), { at: new Date() })
 */
export async function readCollected(bytes: Buffer, received: Received): Promise<Chunk> {
  const lines = collectLines(bytes, received)
  return lines.length === 0 ? readBody(emptyArray, 'json') : readBody(lines, 'ndjson')
}

const emptyArray = Buffer.from('[]')

/** `[from, to)` in the body. */
interface Span {
  readonly from: number
  readonly to: number
}

const walk = new Walk()
const openBrace = 0x7b
const doubleQuote = 0x22
const lf = 0x0a
const cr = 0x0d

/** The events of a body, each on a line, with what the server adds. */
function collectLines(bytes: Buffer, received: Received): Buffer {
  const defaults = new Map<string, Span>()
  const outside = outsideOf(bytes, (keyFrom, keyTo, from, to) => {
    const key = keyText(bytes, keyFrom, keyTo)
    if ((batchDefaults as readonly string[]).includes(key)) defaults.set(key, { from, to })
  })
  if (outside.kind === 'lines') throw malformed(bytes, outside.from, 'one event, an array or {"events": […]}')
  if (outside.envelope === null) defaults.clear()
  const events = outside.kind === 'object' ? [outside] : elementsOf(bytes, outside)
  const lines = new Lines(bytes, defaults, received)
  for (const event of events) lines.add(event)
  return lines.all()
}

function elementsOf(bytes: Buffer, { from, to }: Span): Span[] {
  const elements: Span[] = []
  const end = walk.array(bytes, from, to, (start, stop) => {
    if (elements.length === maxCollected) throw tooManyEvents()
    elements.push({ from: start, to: stop })
  })
  if (end === -1) throw walk.malformed(bytes)
  const next = skipSpace(bytes, end)
  if (next < to) throw malformed(bytes, next, 'the end of the body')
  return elements
}

function tooManyEvents(): EaError {
  return new EaError('body_too_large', `The body holds more than ${maxCollected.toLocaleString('en-US')} events.`, {
    suggestions: ['Send them in several requests, or to POST /events.'],
    details: { max_records: maxCollected },
  })
}

/** What stands in place of `[from, to)`. */
interface Patch extends Span {
  readonly text: string
}

/** Writes the events of one body as lines. */
class Lines {
  readonly #bytes: Buffer
  readonly #defaults: string
  readonly #session: string
  readonly #receivedAt: Date
  /** The member for the address of the client; empty when it is not to be stored. */
  readonly #address: string
  readonly #pieces: Buffer[] = []

  constructor(bytes: Buffer, defaults: ReadonlyMap<string, Span>, { at, clientAddress }: Received) {
    this.#bytes = bytes
    const texts = new Map([...defaults].map(([key, span]) => [key, scalarText(bytes, key, span)]))
    this.#defaults = [...texts].map(([key, text]) => `,"${key}":${text}`).join('')
    this.#session = texts.get('sessionId') ?? 'null'
    this.#receivedAt = at
    this.#address = clientAddress === undefined ? '' : `"${addressKey}":${JSON.stringify(clientAddress)}`
  }

  /** Adds an event. One that is no object, or holds something else than members, goes as it is, to be rejected. */
  add({ from, to }: Span): void {
    const bytes = this.#bytes
    const found: { sessionId?: Span; eventData?: Span; properties?: Span } = {}
    let members = 0
    const isSound =
      bytes[from] === openBrace &&
      walk.object(bytes, from, to, (keyFrom, keyTo, valueFrom, valueTo) => {
        members++
        const key = keyText(bytes, keyFrom, keyTo)
        if (key === 'sessionId' || key === 'eventData' || key === 'properties') {
          found[key] = { from: valueFrom, to: valueTo }
        }
      }) === to
    if (!isSound) {
      this.#copy(from, to)
      this.#pieces.push(lineEnd)
      return
    }
    const id = timeOrderedId(this.#receivedAt)
    const time = this.#receivedAt.toISOString()
    this.#write(`{"${given.eventId}":"${id}","${given.occurredAt}":"${time}","${given.session}":`)
    if (found.sessionId && isTextOrNumber(bytes[found.sessionId.from]!)) {
      this.#copy(found.sessionId.from, found.sessionId.to)
    } else this.#write(found.sessionId ? 'null' : this.#session)
    this.#write(members > 0 ? `${this.#defaults},` : this.#defaults)
    let at = from + 1
    for (const patch of this.#patches(found.eventData, found.properties)) {
      this.#copy(at, patch.from)
      this.#write(patch.text)
      at = patch.to
    }
    this.#copy(at, to - 1)
    this.#write(this.#address === '' ? '}' : `,${this.#address}}`)
    this.#pieces.push(lineEnd)
  }

  all(): Buffer {
    return Buffer.concat(this.#pieces)
  }

  /** The address inside of `eventData`, too: its keys win over those around it. */
  #patches(...explicit: readonly (Span | undefined)[]): Patch[] {
    if (this.#address === '') return []
    return explicit
      .flatMap((span) => (span === undefined ? [] : this.#patch(span)))
      .sort((one, other) => one.from - other.from)
  }

  #patch({ from, to }: Span): Patch[] {
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
    this.#pieces.push(Buffer.from(text))
  }

  /** Bytes of the body, on one line: a raw line break is white space there. */
  #copy(from: number, to: number): void {
    const piece = this.#bytes.subarray(from, to)
    if (!piece.includes(lf) && !piece.includes(cr)) {
      this.#pieces.push(piece)
      return
    }
    const copy = Buffer.from(piece)
    for (let at = 0; at < copy.length; at++) if (copy[at] === lf || copy[at] === cr) copy[at] = 0x20
    this.#pieces.push(copy)
  }
}

const lineEnd = Buffer.from('\n')

/** A default of a batch as it stands there. It goes to every event, so it must be sound, and short. */
function scalarText(bytes: Buffer, key: string, { from, to }: Span): string {
  const text = bytes.toString('utf8', from, to)
  const value = to - from > maxDefaultBytes ? undefined : parsed(text)
  if (value === undefined || (value !== null && typeof value === 'object') || !isUtf8(bytes.subarray(from, to))) {
    throw malformed(bytes, from, `a text or a number of at most ${maxDefaultBytes} bytes for ${key}`)
  }
  return text
}

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
