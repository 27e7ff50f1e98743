/** Moves bytes that are made on demand into a stream, no faster than the stream takes them. */
import type { Writable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'

/** The event loop gets a turn after this many pieces, or no signal would ever be heard: stdout may write at once. */
const piecesPerTurn = 16

/**
 * Writes each piece and waits until the stream is done with it, so the same memory can hold the next. Stops quietly when
 * the reader has gone away (`ea generate | head`).
 *
 * @returns how many bytes the stream has taken
 * @throws what the stream throws, other than EPIPE; the reason of `signal` when it aborts
 */
export async function writeToStream(
  bytes: Iterable<Uint8Array>,
  stream: Writable,
  signal?: AbortSignal,
): Promise<number> {
  let poured = 0
  let pieces = 0
  for (const piece of bytes) {
    const error = await new Promise<NodeJS.ErrnoException | null | undefined>((resolve) => {
      stream.write(piece, resolve)
    })
    if (error?.code === 'EPIPE' || error?.code === 'ERR_STREAM_DESTROYED') return poured
    if (error) throw error
    poured += piece.length
    if (++pieces % piecesPerTurn === 0) await setImmediate()
    signal?.throwIfAborted()
  }
  return poured
}
