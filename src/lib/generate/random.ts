/**
 * Numbers that look random and are the same on every machine: a stream (sfc32) and a hash. Both use 32-bit integers
 * only, because Math.random cannot be seeded and the digits of Math.log or Math.sin differ between builds.
 */

/** A stream of 32-bit numbers: sfc32, a small generator that passes the usual statistical batteries. */
export class Random {
  // Kept as signed 32-bit integers: V8 stores those without allocating.
  private a: number
  private b: number
  private c: number
  private d = 1

  /** @param seed any 32-bit integer; two streams of one seed differ by `stream` */
  constructor(seed: number, stream: number) {
    this.a = hash(seed, stream, 1)
    this.b = hash(seed, stream, 2)
    this.c = hash(seed, stream, 3)
    for (let round = 0; round < 12; round++) this.next()
  }

  /** The next number, a signed 32-bit integer: take its bits, or ask `below`. */
  next(): number {
    const t = (this.a + this.b + this.d) | 0
    this.d = (this.d + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = ((((this.c << 21) | (this.c >>> 11)) >>> 0) + t) | 0
    return t
  }

  /** An integer in [0, n), n at most 2^21. */
  below(n: number): number {
    return Math.floor(((this.next() >>> 0) * n) / 4294967296)
  }
}

/**
 * A signed 32-bit number that depends on all bits of its three parts (the finalizer of MurmurHash3, twice): what a
 * user is like needs no memory when it can be computed again.
 */
export function hash(seed: number, x: number, y: number): number {
  return mixed(mixed(seed ^ Math.imul(x, 0x9e3779b1)) ^ Math.imul(y, 0x85ebca77))
}

function mixed(value: number): number {
  let h = (value + 0x6d2b79f5) | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
