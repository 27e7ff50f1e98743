/**
 * A window on the source: the bytes from the start of the chunk being cut to as far as has been read. Buffers of any
 * size come in; what the scanners see is one contiguous run of bytes with a line feed after it as a sentinel.
 */

import type { BufferPool, ChunkBuffer } from './buffer-pool.js'
import { lf } from './line-ends.js'

export class InputBuffer {
  buffer: ChunkBuffer
  /** How many bytes of the buffer are filled; `buffer.bytes[end]` is always a line feed. */
  end = 0
  /** The offset of `buffer.bytes[0]` in the source. */
  base = 0
  /** Nothing comes after `end`. */
  atEnd = false
  readonly #pool: BufferPool
  readonly #source: AsyncIterator<Buffer>
  /** What of the source's last buffer did not fit. It is used up before the source is asked again: it may reuse it. */
  #pending: Buffer | undefined

  constructor(source: AsyncIterator<Buffer>, pool: BufferPool) {
    this.#source = source
    this.#pool = pool
    this.buffer = pool.take(1)
    this.#seal()
  }

  /** Reads until `end` reaches `goal` or the source ends. */
  async fill(goal: number): Promise<void> {
    while (this.end < goal && !this.atEnd) {
      if (this.#pending === undefined || this.#pending.length === 0) {
        const next = await this.#source.next()
        if (next.done) {
          this.atEnd = true
          break
        }
        this.#pending = next.value
      }
      const taken = Math.min(this.#pending.length, goal - this.end)
      if (this.buffer.bytes.length < this.end + taken + 1) this.buffer.widen(goal + 1, this.end)
      this.#pending.copy(this.buffer.bytes, this.end, 0, taken)
      this.#pending = this.#pending.subarray(taken)
      this.end += taken
    }
    this.#seal()
  }

  /** Moves on to a new buffer; what lies at `from` and after comes along. The old buffer stays as it is. */
  renew(from: number): void {
    const old = this.buffer.bytes
    this.buffer = this.#pool.take(this.end - from + 1)
    old.copy(this.buffer.bytes, 0, from, this.end)
    this.base += from
    this.end -= from
    this.#seal()
  }

  /** Forgets the bytes in `[from, to)`: what comes after them lies at `from` then. */
  drop(from: number, to: number): void {
    this.buffer.bytes.copyWithin(from, to, this.end)
    this.base += to - from
    this.end -= to - from
    this.#seal()
  }

  #seal(): void {
    this.buffer.bytes[this.end] = lf
  }
}
