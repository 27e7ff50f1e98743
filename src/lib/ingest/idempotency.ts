/** Answers that are given again: a request with an Idempotency-Key is stored once and answered alike each time. */
import { sql } from 'kysely'
import type { Transaction } from '../db/connect.js'
import { EaError } from '../errors.js'
import type { CommitRequest, Settled } from './request.js'

/** How long an answer can be asked for again. */
const keptHours = 24

/** For each request what it was answered before, if it was. The caller holds the visibility lock. */
export async function earlierAnswers(tx: Transaction, run: readonly CommitRequest[]): Promise<(Settled | undefined)[]> {
  const keyed = run.filter((request) => request.idempotency !== undefined)
  if (keyed.length === 0) return run.map(() => undefined)
  const { rows } = await sql<Earlier>`
    SELECT a.sender, a.key, a.body_sha256 AS "bodySha256", a.status, a.body
      FROM ${tx.t.http_answers} a
      JOIN unnest(${keyed.map((request) => request.sender)}::text[], ${keyed.map((request) => request.idempotency!.key)}::text[])
           AS k (sender, key) ON k.sender = a.sender AND k.key = a.key`.execute(tx.q)
  return run.map((request) => {
    const key = request.idempotency?.key
    const earlier = rows.find((row) => row.sender === request.sender && row.key === key)
    return earlier && answerAgain(request, earlier)
  })
}

interface Earlier {
  readonly sender: string
  readonly key: string
  readonly bodySha256: Buffer
  readonly status: 200 | 207 | 422
  readonly body: string
}

function answerAgain(request: CommitRequest, { bodySha256, status, body, key }: Earlier): Settled {
  if (bodySha256.equals(request.idempotency!.bodySha256)) return { kind: 'replayed', status, body }
  return {
    kind: 'refused',
    error: new EaError(
      'idempotency_key_reused',
      `The Idempotency-Key ${JSON.stringify(key)} was used with another body.`,
    ),
  }
}

/**
 * Keeps the answers of requests with a key.
 *
 * @returns whether there were any
 */
export async function keepAnswers(
  tx: Transaction,
  run: readonly CommitRequest[],
  settled: readonly Settled[],
): Promise<boolean> {
  const kept = run.flatMap(({ sender, idempotency }, index) => {
    const one = settled[index]!
    return idempotency === undefined || one.kind !== 'stored' ? [] : [{ sender, ...idempotency, ...one }]
  })
  if (kept.length === 0) return false
  await sql`
    INSERT INTO ${tx.t.http_answers} (sender, key, body_sha256, status, body)
    SELECT * FROM unnest(${kept.map((one) => one.sender)}::text[], ${kept.map((one) => one.key)}::text[],
      ${kept.map((one) => one.bodySha256)}::bytea[], ${kept.map((one) => one.status)}::smallint[],
      ${kept.map((one) => JSON.stringify(one.answer))}::text[])
    ON CONFLICT ON CONSTRAINT http_answers_pkey DO NOTHING`.execute(tx.q)
  return true
}

/** Removes a few of the answers that nobody can ask for any more. */
export async function dropOldAnswers(tx: Transaction): Promise<void> {
  await sql`
    DELETE FROM ${tx.t.http_answers} WHERE (sender, key) IN (
      SELECT sender, key FROM ${tx.t.http_answers}
       WHERE answered_at < clock_timestamp() - make_interval(hours => ${keptHours})
       ORDER BY answered_at LIMIT 100)`.execute(tx.q)
}
