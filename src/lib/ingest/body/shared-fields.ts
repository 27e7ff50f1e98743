/**
 * What stands beside `events` in a body: all of them share it, and what an event says itself wins. Fields of an event go
 * to those that have none of that field, `properties` and every other key become properties. It goes to each event as
 * text, so digits stay; nothing of it is left out without a word.
 */
import { isUtf8 } from 'node:buffer'
import { EaError } from '../../core/errors.js'
import { atOnce, bytesAtOnce, type Steps } from '../../core/in-turns.js'
import { keyText, type OnMember, skipSpace, Walk } from '../../load/json-walk.js'
import { malformed } from './envelope.js'

/** How keys of events are called. */
export interface SharedNames {
  /** Fields that can be shared, each with all names that it can have. */
  readonly fields: readonly (readonly string[])[]
  /** Other keys that have a text or a number. */
  readonly scalars: readonly string[]
  /** What holds properties. */
  readonly properties: readonly string[]
  /** What each event has for itself, and keys that the server gives. */
  readonly own: readonly string[]
}

/** The longest text or number, in bytes. */
const maxScalarBytes = 1024
/** All that is shared, in bytes: it goes to each event. */
const maxSharedBytes = 8 * 1024
/** What it may come to in all events together. */
const maxCopiedBytes = 64 * 1024 * 1024

/** `[from, to)` in a body. */
export interface ByteSpan {
  readonly from: number
  readonly to: number
}

/** Where the values of an event stand, by their keys. */
export type EventMembers = ReadonlyMap<string, ByteSpan>

/** A member beside `events`; its key may stand there with escapes. */
interface Member extends ByteSpan {
  readonly key: string
  readonly keyFrom: number
}

/** More members than this are more bytes than can be shared: they are not kept. */
const maxMembers = maxSharedBytes
const openBrace = 0x7b

/** Gathers the members beside `events`; for `outsideOf`. */
export class SharedMembers {
  readonly #bytes: Buffer
  readonly #members: Member[] = []

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  readonly add: OnMember = (keyFrom, keyTo, from, to) => {
    if (this.#members.length > maxMembers) return
    const key = keyText(this.#bytes, keyFrom, keyTo)
    if (key !== 'events') this.#members.push({ key, keyFrom, from, to })
  }

  get isEmpty(): boolean {
    return this.#members.length === 0
  }

  /**
   * What the events share.
   *
   * @throws EaError `malformed_body` for what cannot be shared
   */
  read(names: SharedNames): SharedFields {
    if (this.#members.length > maxMembers) throw tooMuchShared(this.#bytes, this.#members[0]!)
    return new SharedFields(this.#bytes, this.#members, names)
  }
}

export class SharedFields {
  readonly #fields: { readonly names: readonly string[]; readonly key: string; readonly text: string }[] = []
  readonly #properties = new Map<string, string>()
  readonly #names: SharedNames
  /** The longest text that `textFor` gives, in bytes. */
  readonly bytes: number

  constructor(bytes: Buffer, members: readonly Member[], names: SharedNames) {
    this.#names = names
    const explicit: Member[] = []
    for (const member of members) {
      const field = names.fields.find((all) => all.includes(member.key))
      if (field !== undefined) this.#addField(bytes, member, field)
      else if (names.properties.includes(member.key)) explicit.push(member)
      else this.#addProperty(bytes, member)
    }
    if (new Set(explicit.map(({ key }) => key)).size > 1) throw twice(bytes, explicit.at(-1)!, names.properties)
    const last = explicit.at(-1)
    if (last !== undefined) this.#addProperties(bytes, last)
    const all = [...this.#fields.map(({ text }) => text), ...this.#properties.values()]
    this.bytes = all.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
    const [first] = members
    if (first !== undefined && this.bytes > maxSharedBytes) {
      throw tooMuchShared(bytes, first)
    }
  }

  /** A text or a number that is shared under this name, as JSON. */
  scalar(name: string): string | undefined {
    return this.#properties.get(name)?.slice(JSON.stringify(name).length + 2)
  }

  /** Throws when so many events with it would be too much. @throws EaError `body_too_large` */
  requireRoom(events: number): void {
    if (events * this.bytes <= maxCopiedBytes) return
    throw new EaError('body_too_large', `What ${events} events share comes to more than ${maxCopiedBytes} bytes.`, {
      suggestions: ['Send the events in several requests, or share less.'],
    })
  }

  /** What an event does not say itself, as members that each begin with a comma: `,"user_id":"u1"`. */
  textFor(bytes: Buffer, event: EventMembers): string {
    if (this.bytes === 0) return ''
    const inner = this.#innerKeys(bytes, event)
    let text = ''
    for (const { names, text: member } of this.#fields) if (!names.some((name) => event.has(name))) text += member
    for (const [key, member] of this.#properties) if (!event.has(key) && !inner.has(key)) text += member
    return text
  }

  /** Of an explicit property it is the event that says what it is, as of any other key. */
  #innerKeys(bytes: Buffer, event: EventMembers): Set<string> {
    const keys = new Set<string>()
    for (const name of this.#names.properties) {
      const span = event.get(name)
      if (span === undefined || bytes[span.from] !== openBrace) continue
      const add: OnMember = (keyFrom, keyTo) => keys.add(keyText(bytes, keyFrom, keyTo))
      atOnce(new Walk().object(bytes, span.from, span.to, add))
    }
    return keys
  }

  #addField(bytes: Buffer, member: Member, names: readonly string[]): void {
    const at = this.#fields.findIndex((field) => field.names === names)
    if (at !== -1 && this.#fields[at]!.key !== member.key) throw twice(bytes, member, names)
    const field = { names, key: member.key, text: `,"${member.key}":${scalarText(bytes, member)}` }
    if (at === -1) this.#fields.push(field)
    else this.#fields[at] = field
  }

  #addProperties(bytes: Buffer, { from, to, key }: Member): void {
    const text = valueText(bytes, from, to, 'JSON')
    if (text === 'null') return
    if (bytes[from] !== openBrace) throw malformed(bytes, from, `the object of ${key}`)
    const add: OnMember = (keyFrom, keyTo, valueFrom, valueTo) => {
      const member = { key: keyText(bytes, keyFrom, keyTo), keyFrom, from: valueFrom, to: valueTo }
      const { fields, properties } = this.#names
      if ([...fields.flat(), ...properties].includes(member.key)) {
        throw malformed(bytes, keyFrom, 'a property that has not the name of a field of an event')
      }
      this.#addProperty(bytes, member)
    }
    atOnce(new Walk().object(bytes, from, to, add))
  }

  #addProperty(bytes: Buffer, member: Member): void {
    const { key, keyFrom, from, to } = member
    const { own, scalars } = this.#names
    if (own.includes(key)) throw malformed(bytes, keyFrom, 'a key that events can share')
    const value = scalars.includes(key) ? scalarText(bytes, member) : valueText(bytes, from, to, 'JSON')
    this.#properties.set(key, `,${JSON.stringify(key)}:${value}`)
  }
}

function tooMuchShared(bytes: Buffer, { keyFrom }: Member): EaError {
  return malformed(bytes, keyFrom, `what events share, at most ${maxSharedBytes} bytes,`)
}

function twice(bytes: Buffer, { keyFrom }: Member, names: readonly string[]): EaError {
  return malformed(bytes, keyFrom, `one of ${names.map((name) => JSON.stringify(name)).join(' and ')}, not both,`)
}

/** A text or a number as it stands there. It goes to every event, so it must be sound, and short. */
function scalarText(bytes: Buffer, { key, from, to }: Member): string {
  const what = `a text or a number of at most ${maxScalarBytes} bytes for ${key}`
  if (to - from > maxScalarBytes) throw malformed(bytes, from, what)
  const text = valueText(bytes, from, to, what)
  const value: unknown = JSON.parse(text)
  if (value !== null && typeof value === 'object') throw malformed(bytes, from, what)
  return text
}

/** A sound value on one line: a raw line break is white space there. */
function valueText(bytes: Buffer, from: number, to: number, expected: string): string {
  const text = bytes.toString('utf8', from, to)
  if (!isUtf8(bytes.subarray(from, to)) || !isJson(text)) throw malformed(bytes, from, expected)
  return text.replace(/[\r\n]/g, ' ')
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/**
 * The members of an event by their keys; of a key that stands there twice the last one.
 *
 * @returns null for what is no object, or holds something else than members: it goes as it is, to be rejected
 */
export function* membersOf(bytes: Buffer, from: number, to: number): Steps<EventMembers | null> {
  if (bytes[from] !== openBrace) return null
  const members = new Map<string, ByteSpan>()
  const end = yield* new Walk().object(bytes, from, to, (keyFrom, keyTo, valueFrom, valueTo) => {
    members.set(keyText(bytes, keyFrom, keyTo), { from: valueFrom, to: valueTo })
  })
  return end === to ? members : null
}

const eventNames: SharedNames = {
  fields: [['user_id'], ['event_type'], ['occurred_at']],
  scalars: [],
  properties: ['properties', 'properties_json'],
  own: ['event_id'],
}

/**
 * The events of a sound array, each on a line, with what they share in front of what they say.
 *
 * @param elements where they stand in the body: from, to, from, to, …
 */
export function* sharedLines(bytes: Buffer, members: SharedMembers, elements: readonly number[]): Steps<Buffer> {
  const shared = members.read(eventNames)
  shared.requireRoom(elements.length / 2)
  let size = 0
  for (let n = 0; n < elements.length; n += 2) size += elements[n + 1]! - elements[n]! + shared.bytes + 2
  const lines = Buffer.allocUnsafe(size)
  let at = 0
  let seen = 0
  for (let n = 0; n < elements.length; n += 2) {
    const [from, to] = [elements[n]!, elements[n + 1]!]
    const event = yield* membersOf(bytes, from, to)
    const start = at
    if (event === null) at += bytes.copy(lines, at, from, to)
    else {
      at += lines.write(`{${shared.textFor(bytes, event).slice(1)}`, at)
      if (at > start + 1 && event.size > 0) at += lines.write(',', at)
      at += bytes.copy(lines, at, skipSpace(bytes, from + 1), to)
    }
    for (let byte = start; byte < at; byte++) if (lines[byte] === 0x0a || lines[byte] === 0x0d) lines[byte] = 0x20
    at += lines.write('\n', at)
    if (at - seen >= bytesAtOnce) {
      yield
      seen = at
    }
  }
  return lines.subarray(0, at)
}
