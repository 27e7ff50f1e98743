/**
 * Answers that are given again: a request with an Idempotency-Key is stored once and answered alike each time, as long
 * as its events are there. Once a batch was undone that has some of them, the same request is stored again.
 */
import { sql } from 'kysely'
import { senderTexts } from '../batches/sender.js'
import { EaError } from '../core/errors.js'
import type { Transaction } from '../db/connect.js'
import type { CommitRequest, RequestResult } from './body/request.js'
import type { WithRejects } from './request-results.js'

/** How long an answer can be asked for again. */
const keptHours = 24

/**
 * For each request what it was answered before, if it was and if that still holds. The caller holds the visibility
 * lock, so nobody undoes a batch meanwhile.
 */
export async function earlierAnswers(
  tx: Transaction,
  run: readonly CommitRequest[],
): Promise<(RequestResult | undefined)[]> {
  const asked = run.flatMap(({ sender, idempotency }) =>
    idempotency === undefined ? [] : senderTexts(sender).map((text) => ({ sender: text, key: idempotency.key })),
  )
  if (asked.length === 0) return run.map(() => undefined)
  const { rows } = await sql<Earlier>`
    SELECT a.sender, a.key, a.body_sha256 AS "bodySha256", a.status, a.body, (
             SELECT coalesce(bool_and(b.status IS NOT NULL AND b.status IN ('completed', 'loading')), true)
               FROM unnest(a.batch_ids) AS owner (id) LEFT JOIN ${tx.t.import_batches} b ON b.id = owner.id
           ) AS holds
      FROM ${tx.t.http_answers} a
      JOIN unnest(${asked.map(({ sender }) => sender)}::text[], ${asked.map(({ key }) => key)}::text[])
           AS k (sender, key) ON k.sender = a.sender AND k.key = a.key`.execute(tx.q)
  return run.map((request) => {
    const key = request.idempotency?.key
    if (key === undefined) return undefined
    for (const sender of senderTexts(request.sender)) {
      const earlier = rows.find((row) => row.sender === sender && row.key === key)
      if (earlier !== undefined) return answerAgain(request, earlier)
    }
    return undefined
  })
}

interface Earlier {
  readonly sender: string
  readonly key: string
  readonly bodySha256: Buffer
  readonly status: 200 | 207 | 422
  readonly body: string
  /** Whether the batches are still there that have the events of which it speaks. */
  readonly holds: boolean
}

function answerAgain(
  request: CommitRequest,
  { bodySha256, status, body, key, holds }: Earlier,
): RequestResult | undefined {
  if (bodySha256.equals(request.idempotency!.bodySha256)) return holds ? { kind: 'replayed', status, body } : undefined
  return {
    kind: 'refused',
    error: new EaError(
      'idempotency_key_reused',
      `The Idempotency-Key ${JSON.stringify(key)} was used with another body.`,
    ),
  }
}

/**
 * Keeps the answers of requests with a key, in place of those that did not hold any more.
 *
 * @param batchIds of each request
 * @returns whether there were any
 */
export async function keepAnswers(
  tx: Transaction,
  run: readonly CommitRequest[],
  batchIds: readonly (number | null)[],
  settled: readonly WithRejects[],
): Promise<boolean> {
  const kept = run.flatMap(({ sender, idempotency }, index) => {
    const one = settled[index]!
    if (idempotency === undefined || one.kind !== 'stored') return []
    return [{ sender, ...idempotency, ...one, batches: batchesOf(one, batchIds[index]!) }]
  })
  if (kept.length === 0) return false
  await sql`
    INSERT INTO ${tx.t.http_answers} AS a (sender, key, body_sha256, status, body, batch_ids)
    SELECT sender, key, body_sha256, status, body, batch_ids::bigint[] FROM unnest(${kept.map((one) => one.sender)}::text[], ${kept.map((one) => one.key)}::text[],
      ${kept.map((one) => one.bodySha256)}::bytea[], ${kept.map((one) => one.status)}::smallint[],
      ${kept.map((one) => JSON.stringify(one.answer))}::text[], ${kept.map((one) => `{${one.batches.join()}}`)}::text[])
      AS kept (sender, key, body_sha256, status, body, batch_ids)
    ON CONFLICT ON CONSTRAINT http_answers_pkey DO UPDATE
       SET status = excluded.status, body = excluded.body, batch_ids = excluded.batch_ids, answered_at = clock_timestamp()
     WHERE a.body_sha256 = excluded.body_sha256`.execute(tx.q)
  return true
}

/** The batches that own the events of which an answer speaks: stored, waiting, or stored before. */
function batchesOf(one: WithRejects & { readonly kind: 'stored' }, batchId: number): number[] {
  const { inserted, pending = 0 } = one.answer
  return [...new Set([...(inserted + pending > 0 ? [batchId] : []), ...one.owners!.keys(), ...one.pendingOwners!])]
}

/** Removes a few of the answers that nobody can ask for any more. */
export async function dropOldAnswers(tx: Transaction): Promise<void> {
  await sql`
    DELETE FROM ${tx.t.http_answers} WHERE (sender, key) IN (
      SELECT sender, key FROM ${tx.t.http_answers}
       WHERE answered_at < clock_timestamp() - make_interval(hours => ${keptHours})
       ORDER BY answered_at LIMIT 100)`.execute(tx.q)
}
