/** Looks at the start of a stream of bytes and gives the stream back as if nobody had looked. */

export interface PeekResult {
  /** The first bytes: at least as many as were asked for, unless the stream is shorter. */
  readonly head: Buffer
  /** Whether the head is all there is. */
  readonly isAll: boolean
  /** The whole stream, its head included; to be read once. */
  readonly blocks: AsyncIterable<Buffer>
  /** Ends the stream below, for when `blocks` is not read to its end. */
  close(): Promise<void>
}

/**
 * Reads blocks until `minBytes` are there or the stream ends.
 *
 * @example
 * const { head, blocks } = await peek(source, 4)
 */
export async function peek(source: AsyncIterable<Buffer>, minBytes: number): Promise<PeekResult> {
  const iterator = source[Symbol.asyncIterator]()
  const seen: Buffer[] = []
  let seenBytes = 0
  let isAll = false
  while (seenBytes < minBytes && !isAll) {
    const { value, done } = await iterator.next()
    if (done) isAll = true
    else {
      seen.push(value)
      seenBytes += value.length
    }
  }
  const head = seen.length === 1 ? seen[0]! : Buffer.concat(seen)
  const close = async () => void (await iterator.return?.())
  async function* blocks(): AsyncGenerator<Buffer> {
    try {
      if (head.length > 0) yield head
      if (isAll) return
      for (;;) {
        const { value, done } = await iterator.next()
        if (done) return
        yield value
      }
    } finally {
      await close()
    }
  }
  return { head, isAll, blocks: blocks(), close }
}
