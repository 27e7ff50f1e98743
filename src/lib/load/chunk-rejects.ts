/**
 * The rejects of one chunk. Only their places are held: a reject with its bytes is made when somebody asks for it, one at a
 * time, because a chunk may hold nothing but rejects.
 */
import type { Reject, RejectCode } from '../core/event.js'
import type { Refusal } from './merge.js'
import type { Chunk } from './split/chunk.js'

/** Rejects in the order of the file, to be gone through while their chunk is held. */
export interface Rejects extends Iterable<Reject> {
  readonly length: number
  /** How many there are of each code. */
  readonly codes: ReadonlyMap<RejectCode, number>
}

export const noRejects: Rejects = { length: 0, codes: new Map(), [Symbol.iterator]: () => [].values() }

/** Structural rejects and refused records together. Not to be gone through after the release of the chunk. */
export function rejectsOf(chunk: Chunk, refusals: readonly Refusal[]): Rejects {
  if (chunk.rejectCount === 0 && refusals.length === 0) return noRejects
  const refused = refusals.length > 1 ? [...refusals].sort((a, b) => a.n - b.n) : refusals
  const codes = new Map<RejectCode, number>()
  for (const code of chunk.rejectCodes) codes.set(code, (codes.get(code) ?? 0) + 1)
  for (const { code } of refused) codes.set(code, (codes.get(code) ?? 0) + 1)
  return {
    length: chunk.rejectCount + refused.length,
    codes,
    [Symbol.iterator]: () => inOrder(chunk, refused),
  }
}

function* inOrder(chunk: Chunk, refused: readonly Refusal[]): Generator<Reject> {
  let at = 0
  let next = chunk.rejectCount > 0 ? chunk.reject(0) : undefined
  const pass = () => {
    at += 1
    next = at < chunk.rejectCount ? chunk.reject(at) : undefined
  }
  for (const { n, code, detail } of refused) {
    const record = chunk.goodRecord(n)
    for (; next && next.record < record.record; pass()) yield next
    yield { ...record, code, detail }
  }
  for (; next; pass()) yield next
}
