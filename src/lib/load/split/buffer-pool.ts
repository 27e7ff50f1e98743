/**
 * The memory of one chunk: its bytes, and for each good record where it begins, where it stops and on which line.
 * Buffers are reused: a released chunk gives its own to a later one, so memory stays flat however long the source is.
 */

export class ChunkBuffer {
  bytes: Buffer
  /** Of each good record: the index of its first byte, the index after its last one, its line within the chunk. */
  starts: Int32Array<ArrayBuffer>
  stops: Int32Array<ArrayBuffer>
  lines: Int32Array<ArrayBuffer>
  /** Where the rejects are, in numbers that only chunk-builder.ts reads. */
  rejects: Int32Array<ArrayBuffer> = new Int32Array(64)

  constructor(bytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(bytes)
    const records = Math.max(64, bytes >> 6)
    this.starts = new Int32Array(records)
    this.stops = new Int32Array(records)
    this.lines = new Int32Array(records)
  }

  /** Makes room for `bytes` bytes and keeps the first `used`. */
  widen(bytes: number, used: number): void {
    if (this.bytes.length >= bytes) return
    const wider = Buffer.allocUnsafeSlow(bytes)
    this.bytes.copy(wider, 0, 0, used)
    this.bytes = wider
  }

  get heldBytes(): number {
    const { bytes, starts, stops, lines, rejects } = this
    return bytes.length + starts.byteLength + stops.byteLength + lines.byteLength + rejects.byteLength
  }

  /** Twice the records. */
  addRecords(): void {
    this.starts = twice(this.starts)
    this.stops = twice(this.stops)
    this.lines = twice(this.lines)
  }
}

/** The same numbers with as much room again after them. */
export function twice(numbers: Int32Array): Int32Array<ArrayBuffer> {
  const wider = new Int32Array(numbers.length * 2)
  wider.set(numbers)
  return wider
}

/** Keeps released rooms of about the usual size; others are left to the garbage collector. */
export class BufferPool {
  readonly #free: ChunkBuffer[] = []
  readonly #usualBytes: number
  readonly #maxFree: number

  constructor(usualBytes: number, maxFree: number) {
    this.#usualBytes = usualBytes
    this.#maxFree = maxFree
  }

  /** A room of at least `bytes` bytes and the usual size. */
  take(bytes: number): ChunkBuffer {
    const buffer = this.#free.pop() ?? new ChunkBuffer(Math.max(bytes, this.#usualBytes))
    buffer.widen(bytes, 0)
    return buffer
  }

  give(buffer: ChunkBuffer): void {
    const usual = buffer.bytes.length <= 2 * this.#usualBytes && buffer.starts.length <= this.#usualBytes / 8
    if (usual && this.#free.length < this.#maxFree) this.#free.push(buffer)
  }
}
