/**
 * Writes events as bytes of a CSV or NDJSON log, by hand and into one buffer that is used again: strings would cost
 * most of the time. Both formats come from the same pieces, so they describe the same events.
 */
import type { EventFormat } from '../core/event.js'
import type { Random } from './random.js'
import { eventShapes, type ValueKind, valueKinds, words } from './shapes.js'

/** More than the longest record needs. */
const recordRoomBytes = 1024
const items = 8192
const digits = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0))

/** Literal bytes, then a value, then literal bytes … */
interface Piece {
  readonly before: Uint8Array
  /** An index of `valueKinds`, or -1 for none. */
  readonly kind: number
}

/** What an event needs beside random numbers. */
export interface Moment {
  user: number
  /** Since midnight. */
  ms: number
  sessionId: number
  /** An index of `eventShapes`. */
  shape: number
  /** The item that the session looks at, below 8,192. */
  item: number
  /** A number that belongs to the user: country, version and so on come from its bits. */
  userBits: number
}

const kindIndex = Object.fromEntries(valueKinds.map((kind, index) => [kind, index])) as Record<ValueKind, number>
const wordBytes = valueKinds.map((kind) => ((words as Record<string, readonly string[]>)[kind] ?? []).map(bytes))

const csvHeader = 'event_id,occurred_at,user_id,event_type,properties_json\n'

export class RecordWriter {
  private readonly buffer: Buffer
  private at = 0
  private readonly random: Random
  private readonly intro: Uint8Array
  private readonly beforeDate: Uint8Array
  private readonly beforeUser: Uint8Array
  private readonly shapes: readonly (readonly Piece[])[]
  private date: Uint8Array = new Uint8Array(0)

  /** @param bufferBytes how much is gathered before it is handed out */
  constructor(format: EventFormat, random: Random, bufferBytes: number) {
    this.buffer = Buffer.allocUnsafe(bufferBytes + recordRoomBytes)
    this.random = random
    const csv = format === 'csv'
    this.intro = bytes(csv ? '' : '{"event_id":"')
    this.beforeDate = bytes(csv ? ',' : '","occurred_at":"')
    this.beforeUser = bytes(csv ? 'Z,u' : 'Z","user_id":"u')
    this.shapes = eventShapes.map((_, index) => pieces(index, csv))
    if (csv) this.put(bytes(csvHeader))
  }

  /** All records from here on are of this day. @param date as `2025-01-31` */
  startDay(date: string): void {
    this.date = bytes(`${date}T`)
  }

  get isFull(): boolean {
    return this.at >= this.buffer.length - recordRoomBytes
  }

  /** The bytes so far; they live until the next record is written. */
  take(): Uint8Array {
    const taken = this.buffer.subarray(0, this.at)
    this.at = 0
    return taken
  }

  write(moment: Moment): void {
    this.put(this.intro)
    this.uuid()
    this.put(this.beforeDate)
    this.put(this.date)
    this.time(moment.ms)
    this.put(this.beforeUser)
    this.integer(moment.user + 1)
    const shape = this.shapes[moment.shape]!
    for (let i = 0; i < shape.length; i++) {
      const piece = shape[i]!
      this.put(piece.before)
      if (piece.kind >= 0) this.value(piece.kind, moment)
    }
  }

  private value(kind: number, moment: Moment): void {
    const { userBits, item } = moment
    switch (kind) {
      case kindIndex.country:
        this.word(kind, userBits)
        break
      case kindIndex.version:
        this.word(kind, userBits >>> 4)
        break
      case kindIndex.os:
        this.word(kind, userBits >>> 8)
        break
      case kindIndex.method:
        this.word(kind, userBits >>> 12)
        break
      case kindIndex.currency:
        this.word(kind, userBits >>> 16)
        break
      case kindIndex.referrer:
        this.word(kind, moment.sessionId >>> 4)
        break
      case kindIndex.session:
        this.hex32(moment.sessionId)
        break
      case kindIndex.order:
        this.hex32(this.random.next())
        break
      case kindIndex.item:
        this.integer(1000 + item)
        break
      case kindIndex.price:
        this.cents(priceCents(item))
        break
      case kindIndex.amount:
        this.cents(priceCents(item) * this.quantity())
        break
      case kindIndex.qty:
        this.integer(this.quantity())
        break
      case kindIndex.results:
        this.integer(this.random.next() & 0x7f)
        break
      default:
        this.word(kind, this.random.next() >>> 7)
    }
  }

  /** 1 in three of four cases, up to 4. */
  private quantity(): number {
    const bits = this.random.next() >>> 9
    return (bits & 3) === 0 ? 1 + ((bits >>> 2) & 3) : 1
  }

  private put(literal: Uint8Array): void {
    const { buffer } = this
    let { at } = this
    for (let i = 0; i < literal.length; i++) buffer[at++] = literal[i]!
    this.at = at
  }

  private word(kind: number, bits: number): void {
    this.put(wordBytes[kind]![bits & 15]!)
  }

  /** Version 4 (random), variant 1. */
  private uuid(): void {
    const { random } = this
    this.hex32(random.next())
    this.buffer[this.at++] = 0x2d
    const middle = random.next()
    this.hex16(middle >>> 16)
    this.buffer[this.at++] = 0x2d
    this.hex16((middle & 0x0fff) | 0x4000)
    this.buffer[this.at++] = 0x2d
    const last = random.next()
    this.hex16(((last >>> 16) & 0x3fff) | 0x8000)
    this.buffer[this.at++] = 0x2d
    this.hex16(last)
    this.hex32(random.next())
  }

  private hex32(bits: number): void {
    this.hex16(bits >>> 16)
    this.hex16(bits)
  }

  private hex16(bits: number): void {
    const { buffer, at } = this
    buffer[at] = digits[(bits >>> 12) & 15]!
    buffer[at + 1] = digits[(bits >>> 8) & 15]!
    buffer[at + 2] = digits[(bits >>> 4) & 15]!
    buffer[at + 3] = digits[bits & 15]!
    this.at = at + 4
  }

  /** `06:52:34.123` */
  private time(ms: number): void {
    const seconds = (ms / 1000) | 0
    const minutes = (seconds / 60) | 0
    const hours = (minutes / 60) | 0
    this.twoDigits(hours)
    this.buffer[this.at++] = 0x3a
    this.twoDigits(minutes - hours * 60)
    this.buffer[this.at++] = 0x3a
    this.twoDigits(seconds - minutes * 60)
    this.buffer[this.at++] = 0x2e
    const milliseconds = ms - seconds * 1000
    this.buffer[this.at++] = 0x30 + ((milliseconds / 100) | 0)
    this.twoDigits(milliseconds % 100)
  }

  private twoDigits(n: number): void {
    const tens = (n / 10) | 0
    this.buffer[this.at] = 0x30 + tens
    this.buffer[this.at + 1] = 0x30 + n - tens * 10
    this.at += 2
  }

  /** A positive integer below 2^31. */
  private integer(n: number): void {
    let places = 1
    for (let rest = n; rest >= 10; rest = (rest / 10) | 0) places++
    let rest = n
    for (let i = this.at + places - 1; i >= this.at; i--) {
      const tens = (rest / 10) | 0
      this.buffer[i] = 0x30 + rest - tens * 10
      rest = tens
    }
    this.at += places
  }

  private cents(n: number): void {
    const whole = (n / 100) | 0
    this.integer(whole)
    this.buffer[this.at++] = 0x2e
    this.twoDigits(n - whole * 100)
  }
}

/** 1.99 to 409.51; the same item always costs the same, cheap ones are more frequent. */
function priceCents(item: number): number {
  return 199 + Math.floor((item * item) / (items * 0.2008))
}

/** The part of a record from the event's type to the line end, around its values. */
function pieces(shapeIndex: number, csv: boolean): Piece[] {
  const shape = eventShapes[shapeIndex]!
  const quote = csv ? '""' : '"'
  const all: (readonly [string, ValueKind])[] = [['country', 'country'], ['session_id', 'session'], ...shape.properties]
  const made: Piece[] = []
  let literal = csv ? `,${shape.type},"{` : `","event_type":"${shape.type}","properties":{`
  for (const [index, [name, kind]] of all.entries()) {
    const isNumber = kind === 'price' || kind === 'amount' || kind === 'qty' || kind === 'results'
    const prefix = kind === 'item' ? 'SKU' : ''
    literal += `${index > 0 ? ',' : ''}${quote}${name}${quote}:${isNumber ? '' : quote}${prefix}`
    made.push({ before: bytes(literal), kind: kindIndex[kind] })
    literal = isNumber ? '' : quote
  }
  made.push({ before: bytes(`${literal}${csv ? '}"\n' : '}}\n'}`), kind: -1 })
  return made
}

function bytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'ascii'))
}
