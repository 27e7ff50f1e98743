/**
 * The rejects of one chunk. Only their places are held: a reject with its bytes is made when somebody asks for it, one at a
 * time, because a chunk may hold nothing but rejects.
 */
import type { Reject, RejectCode } from '../core/event.js'
import type { Rejection, Rejections } from './merge.js'
import type { Chunk } from './split/chunk.js'

/** Rejects in the order of the file, to be gone through while their chunk is held: their bytes are those of the chunk. */
export interface Rejects extends Iterable<Reject> {
  readonly length: number
  /** How many there are of each code. */
  readonly codes: ReadonlyMap<RejectCode, number>
}

export const noRejects: Rejects = { length: 0, codes: new Map(), [Symbol.iterator]: () => [].values() }

/**
 * Structural rejects and refused records together. Not to be gone through after the release of the chunk.
 *
 * @param refusals in the order of the file
 * @param more refused records among them, also in the order of the file
 */
export function rejectsOf(chunk: Chunk, refusals: Rejections, more: readonly Rejection[] = []): Rejects {
  if (chunk.rejectCount === 0 && refusals.length === 0 && more.length === 0) return noRejects
  const refused = more.length === 0 ? refusals : [...refusals, ...more].sort((a, b) => a.n - b.n)
  const codes = new Map(chunk.rejectCodes)
  for (const { code } of refused) codes.set(code, (codes.get(code) ?? 0) + 1)
  return {
    length: chunk.rejectCount + refused.length,
    codes,
    [Symbol.iterator]: () => inOrder(chunk, refused),
  }
}

function* inOrder(chunk: Chunk, refused: Rejections): Generator<Reject> {
  let at = 0
  let next = chunk.rejectCount > 0 ? chunk.reject(0) : undefined
  const pass = () => {
    at += 1
    next = at < chunk.rejectCount ? chunk.reject(at) : undefined
  }
  for (const { n, code, detail } of refused) {
    const { record, line, byteOffset, raw, detail: place } = chunk.goodRecord(n)
    for (; next && next.record < record; pass()) yield next
    yield { record, line, byteOffset, code, detail: detail ?? place, raw }
  }
  for (; next; pass()) yield next
}
