/** From what happened to the records of a request to what its sender is told. */
import type { Difference } from '../batches/differences.js'
import { type Reject, rejectCodes } from '../core/event.js'
import { shadowedText } from '../load/import-counts.js'
import type { Chunk } from '../load/split/chunk.js'
import {
  type CommitRequest,
  listedRejects,
  type RejectedRecord,
  type RequestResult,
  type StoredAnswer,
} from './body/request.js'
import type { OtherRecord, ShadowedKey } from './merge.js'

/** Which batch owns an event. */
export interface Owner {
  readonly batchId: number
  readonly isLoading: boolean
}

/** What became of a request, with what only its batch wants to know. */
export type WithRejects = RequestResult & {
  readonly rejects?: readonly Reject[]
  /** How many of its duplicates each batch owns. */
  readonly owners?: ReadonlyMap<number, number>
  /** The batches that are still loading and own some of its events. */
  readonly pendingOwners?: ReadonlySet<number>
  readonly differences?: readonly Difference[]
}

/**
 * What became of a request.
 *
 * @param owners of each id that was stored already
 * @param others its records that were not stored, by their numbers among its good ones; of rejects perhaps only the first
 * @param rejectedGood how many of its good records were rejected
 * @param shadowed its keys that properties hide
 */
export function requestResultOf(
  request: CommitRequest,
  owners: ReadonlyMap<string, Owner>,
  others: readonly (Omit<OtherRecord, 'fields'> & { fields?: OtherRecord['fields']; detail?: string | undefined })[],
  rejectedGood: number,
  shadowed: readonly ShadowedKey[] = [],
): WithRejects {
  const { chunk } = request
  const refused: Reject[] = []
  const owned = new Map<number, number>()
  const pendingOwners = new Set<number>()
  const differences: Difference[] = []
  let duplicates = 0
  let pending = 0
  for (const { n, code, event_id, detail, fields } of others) {
    if (code !== null) refused.push({ ...chunk.goodRecord(n), code, detail })
    else {
      const owner = owners.get(event_id!)!
      if (owner.isLoading) {
        pending += 1
        pendingOwners.add(owner.batchId)
      } else {
        duplicates += 1
        owned.set(owner.batchId, (owned.get(owner.batchId) ?? 0) + 1)
        if (fields && fields.length > 0) {
          const { record, line } = chunk.goodRecord(n)
          differences.push({ record, line, eventId: event_id!, fields })
        }
      }
    }
  }
  const rejects = [...firstRejects(chunk), ...refused].sort((a, b) => a.record - b.record).slice(0, listedRejects)
  const received = chunk.records + (request.structuralRejects ?? 0)
  const answer: StoredAnswer = {
    received,
    inserted: chunk.good - duplicates - pending - rejectedGood,
    duplicates,
    ...(differences.length > 0 ? { differing: differences.length } : {}),
    ...(pending > 0 ? { pending } : {}),
    ...rejectedList(rejects, chunk.rejectCount + rejectedGood),
    ...(shadowed.length > 0
      ? { warnings: [shadowedText(shadowed.map(({ key, events }) => [key, events] as const))] }
      : {}),
  }
  return { kind: 'stored', status: statusOf(answer), answer, rejects, owners: owned, pendingOwners, differences }
}

/** The structural rejects of a body that are named; the others are only counted. */
export function firstRejects(chunk: Chunk): Reject[] {
  return Array.from({ length: Math.min(listedRejects, chunk.rejectCount) }, (_, k) => chunk.reject(k))
}

/** The rejects of a request as its sender is told about them. */
export function rejectedList(
  rejects: readonly Reject[],
  total: number,
): { rejected: RejectedRecord[]; rejected_total?: number } {
  const rejected = rejects.map(rejectedRecord)
  return total > rejected.length ? { rejected, rejected_total: total } : { rejected }
}

/** How many records of a request were rejected, listed or not. */
export function rejectedCount({ rejected, rejected_total: total }: Pick<StoredAnswer, 'rejected' | 'rejected_total'>) {
  return total ?? rejected.length
}

function rejectedRecord({ record, code, detail }: Reject): RejectedRecord {
  return {
    index: record - 1,
    code,
    message: detail === undefined ? rejectCodes[code] : `${rejectCodes[code]} (${detail})`,
  }
}

/** 200 all stored, 207 partly, 422 none. */
function statusOf(answer: StoredAnswer): 200 | 207 | 422 {
  const rejected = rejectedCount(answer)
  if (rejected === 0) return 200
  return rejected < answer.received ? 207 : 422
}

/** An atomic request with rejects: nothing of it is stored. */
export function refusedWhole(answer: StoredAnswer): RequestResult {
  return { kind: 'stored', status: 422, answer: { ...answer, inserted: 0, duplicates: 0 } }
}

/** What became of a request, without what only its batch wants to know. */
export function publicOf({ rejects: _, owners: __, pendingOwners: ___, ...settled }: WithRejects): RequestResult {
  return settled as RequestResult
}
