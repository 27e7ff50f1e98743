/** Inputs that nobody thought of: hostile records, written and then mutated. */
import fc from 'fast-check'
import { hostileRecord, type Writing, written } from './hostile.js'

/** How the inputs of a round are read. */
export interface Reading {
  readonly how: Writing
  readonly timezone: string
}

export interface Input {
  readonly bytes: Buffer
  readonly chunkBytes: number
}

const inputsOfRound = 300
const pieces = [
  ...[
    '"',
    '""',
    "'",
    '\\',
    '\\u0000',
    '\\ud83e',
    '\\u0085',
    '\u0080',
    '\u0085',
    '\u009f',
    '\u00a0',
    '\ufeff',
    '\u2028',
  ],
  ...[
    '\n',
    '\r',
    '\r\n',
    '\0',
    '\x1f',
    '\x7f',
    ',',
    ';',
    '\t',
    '|',
    ':',
    '{',
    '}',
    '[',
    ']',
    '{}',
    '[]',
    ' ',
    'null',
    'e5',
  ],
  ...['.', '.1', '.12', '.123', '.1234567', '.12345678', '.123456789', 'Z', '+14:59', '-00:01', '+15:00', '-0530'],
  ...['02-29', '02-30', '12-31', '1900', '1970', '2000', '2100', '24:00:00', '23:59:60', '00:00:00', '0', '9'],
  ...['event_id', 'occurred_at', 'user_id', 'event_type', 'properties', '"properties":{}', '"user_id":"x",'],
  ...[98, 99, 100, 101].flatMap((depth) => [`${'['.repeat(depth)}${']'.repeat(depth)}`, '{"a":'.repeat(depth)]),
  ...[99, 100, 101, 254, 255, 256].flatMap((length) => ['x'.repeat(length), 'ї'.repeat(length), '🦊'.repeat(length)]),
].map((text) => Buffer.from(text))
/** Half of a character, and bytes that no text has. */
const rawPieces = [
  [0xc2],
  [0x80],
  [0xc2, 0x85],
  [0xe2, 0x82],
  [0xed, 0xa0, 0x80],
  [0xf0, 0x9f, 0xa6],
  [0xff],
  [0xc0, 0xaf],
]
const hostilePieces = [...pieces, ...rawPieces.map((bytes) => Buffer.from(bytes))]

/** Numbers that a seed gives (mulberry32). */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }

  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }
}

/** @param other another input of the round, to take a part from */
function mutated(bytes: Buffer, other: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1)
  const to = Math.min(bytes.length, at + random.below(12))
  const spliced = (part: Buffer, end = at) => Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(end)])
  switch (random.below(6)) {
    case 0:
      return at === bytes.length ? bytes : spliced(Buffer.from([bytes[at]! ^ (1 << random.below(8))]), at + 1)
    case 1:
      return at === bytes.length ? bytes : spliced(Buffer.from([random.below(256)]), at + 1)
    case 2:
      return spliced(Buffer.alloc(0), to)
    case 3:
      return spliced(bytes.subarray(at, to))
    case 4:
      return spliced(random.of(hostilePieces), random.below(2) === 0 ? at : to)
    default: {
      const from = random.below(other.length + 1)
      return spliced(other.subarray(from, from + random.below(40)), random.below(2) === 0 ? at : to)
    }
  }
}

/** The inputs of a round: mostly of hostile records, with up to three mutations. */
export function inputsOf({ how }: Reading, seed: number, random: Random): Input[] {
  const pool = fc.sample(hostileRecord, { seed, numRuns: 150 })
  const plain = Array.from({ length: inputsOfRound }, () => {
    const records = Array.from({ length: 1 + random.below(4) }, () => random.of(pool))
    return Buffer.from(written(records, how))
  })
  return plain.map((whole) => {
    let bytes: Buffer = whole
    for (let times = random.below(4); times > 0; times--) bytes = mutated(bytes, random.of(plain), random)
    return { bytes, chunkBytes: random.of([1, 1, 1, 120, 100_000]) }
  })
}
