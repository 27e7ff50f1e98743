/** From what happened to the records of a request to what its sender is told. */
import { type Reject, rejectCodes } from '../event.js'
import type { Other } from './merge.js'
import type { CommitRequest, RejectedRecord, Settled, StoredAnswer } from './request.js'

/** Which batch owns an event. */
export interface Owner {
  readonly batchId: number
  readonly isLoading: boolean
}

/** What became of a request, with what only its batch wants to know. */
export type WithRejects = Settled & {
  readonly rejects?: readonly Reject[]
  readonly owners?: ReadonlyMap<number, number>
}

/**
 * What became of a request.
 *
 * @param owners of each id that was stored already
 * @param others its records that were not stored, by their numbers among its good ones
 */
export function settledOf(
  request: CommitRequest,
  owners: ReadonlyMap<string, Owner>,
  others: readonly (Other & { detail?: string | undefined })[],
): WithRejects {
  const { chunk } = request
  const refused: Reject[] = []
  const owned = new Map<number, number>()
  let duplicates = 0
  let pending = 0
  for (const { n, code, event_id, detail } of others) {
    if (code !== null) refused.push({ ...chunk.goodRecord(n), code, detail })
    else {
      const owner = owners.get(event_id!)!
      if (owner.isLoading) pending += 1
      else {
        duplicates += 1
        owned.set(owner.batchId, (owned.get(owner.batchId) ?? 0) + 1)
      }
    }
  }
  const rejects = [...chunk.rejects, ...refused].sort((a, b) => a.record - b.record)
  const received = chunk.records + (request.structuralRejects ?? 0)
  const answer: StoredAnswer = {
    received,
    inserted: chunk.good - others.length,
    duplicates,
    ...(pending > 0 ? { pending } : {}),
    rejected: rejects.map(rejectedRecord),
  }
  return { kind: 'stored', status: statusOf(answer), answer, rejects, owners: owned }
}

/** A reject as its sender is told about it. */
export function rejectedRecord({ record, code, detail }: Reject): RejectedRecord {
  return {
    index: record - 1,
    code,
    message: detail === undefined ? rejectCodes[code] : `${rejectCodes[code]} (${detail})`,
  }
}

/** 200 all stored, 207 partly, 422 none. */
function statusOf({ received, rejected }: StoredAnswer): 200 | 207 | 422 {
  if (rejected.length === 0) return 200
  return rejected.length < received ? 207 : 422
}

/** An atomic request with rejects: nothing of it is stored. */
export function refusedWhole(answer: StoredAnswer): Settled {
  const { received, rejected } = answer
  return { kind: 'stored', status: 422, answer: { received, inserted: 0, duplicates: 0, rejected } }
}
