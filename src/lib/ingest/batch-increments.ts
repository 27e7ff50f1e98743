/** From what became of requests to what their batches grow by. */
import type { BatchIncrement } from '../batches/http-batch.js'
import type { CommitRequest } from './body/request.js'
import { rejectedCount, type WithRejects } from './request-results.js'

type Mutable<T> = {
  -readonly [K in keyof T]: T[K] extends readonly (infer I)[]
    ? I[]
    : T[K] extends ReadonlyMap<infer A, infer B>
      ? Map<A, B>
      : T[K]
}

function emptyGrowth(batchId: number): Mutable<BatchIncrement> {
  return {
    batchId,
    inserted: 0,
    duplicates: 0,
    differing: 0,
    rejected: 0,
    bytes: 0,
    seconds: 0,
    rejects: [],
    differences: [],
    owners: new Map(),
  }
}

/**
 * What each batch grows by.
 *
 * @param batchIds of each request; null for one that was answered before
 * @param seconds of each request
 */
export function incrementsOf(
  run: readonly CommitRequest[],
  batchIds: readonly (number | null)[],
  settled: readonly WithRejects[],
  seconds: number,
): BatchIncrement[] {
  const growths = new Map<number, Mutable<BatchIncrement>>()
  run.forEach((request, index) => {
    const one = settled[index]!
    const batchId = batchIds[index]
    if (one.kind !== 'stored' || batchId === null || batchId === undefined) return
    const growth = growths.get(batchId) ?? emptyGrowth(batchId)
    growths.set(batchId, growth)
    const { inserted, duplicates, differing = 0 } = one.answer
    const before = growth.inserted + growth.duplicates + growth.rejected
    for (const reject of one.rejects!) growth.rejects.push({ ...reject, record: before + reject.record })
    growth.inserted += inserted
    growth.duplicates += duplicates
    growth.differing += differing
    for (const difference of one.differences!) {
      growth.differences.push({ ...difference, record: before + difference.record!, line: before + difference.record! })
    }
    growth.rejected += rejectedCount(one.answer) + (request.structuralRejects ?? 0)
    growth.bytes += request.bytes
    growth.seconds += seconds
    for (const [owner, n] of one.owners!) growth.owners.set(owner, (growth.owners.get(owner) ?? 0) + n)
  })
  return [...growths.values()]
}
