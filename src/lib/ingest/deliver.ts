/** A part of a spool into the database, exactly once: by the way that a request takes, and marked as stored by it. */

import { EaError } from '../core/errors.js'
import type { Database } from '../db/connect.js'
import { split } from '../load/split/split.js'
import type { CommitRequest, RequestResult, SpooledRequest, SpoolPart } from './body/request.js'
import { commitGroup } from './commit.js'
import { rejectedCount } from './request-results.js'

/** Lines of a spool are no longer than the bodies that were taken. */
const maxLineBytes = 1024 * 1024 * 1024

/**
 * Stores one part of a segment.
 *
 * @param timezone what a time without offset means
 * @returns what became of each request; null when the part had been stored before
 * @throws the server's error when it does not take the part (`isAway`: try again later); EaError `rejects_over_budget`
 *   for an atomic request with rejects
 */
export async function deliverPart(
  db: Database,
  { segment, part, request, requests }: SpoolPart,
  timezone = 'UTC',
): Promise<readonly RequestResult[] | null> {
  const run: CommitRequest[] = []
  for (const one of requests) run.push(await withChunk(one))
  const mark = request === undefined ? { segment, part } : { segment: `${segment}-${part}`, part: request }
  const settled = await commitGroup(db, run, { timezone, part: mark })
  const [only] = settled ?? []
  if (run[0]!.atomic && only?.kind === 'stored' && rejectedCount(only.answer) > 0) {
    const { rejected, received } = only.answer
    throw new EaError(
      'rejects_over_budget',
      `${rejectedCount(only.answer)} of ${received} records of an atomic request are rejected, the first: ${rejected[0]!.message}`,
    )
  }
  return settled
}

async function withChunk(request: SpooledRequest): Promise<CommitRequest> {
  const { lines, good, structuralRejects, ...rest } = request
  const chunks = split(one(lines), {
    chunkBytes: lines.length + 1,
    maxRecordBytes: maxLineBytes,
    shape: { kind: 'lines' },
    headerBytes: 0,
    headerLines: 0,
    poolSize: 1,
  })
  for await (const chunk of chunks) {
    if (chunk.good === good) return { ...rest, chunk, structuralRejects }
    throw new EaError(
      'internal_error',
      `Request ${rest.id} of the spool has ${good} records, but ${chunk.good} were read.`,
    )
  }
  throw new EaError('internal_error', `Request ${rest.id} of the spool is empty.`)
}

async function* one(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes
}
