/**
 * What an import would do: everything is split, staged and judged, ids are compared with those that are stored and
 * those seen in the file, and the transaction is rolled back.
 */
import { sql } from 'kysely'
import { type Transaction, withTransaction } from '../db/connect.js'
import { judgeSql } from './judge.js'
import { allRejects, isDataError, judgeOptions, type LoadContext, prepareSession } from './load-chunk.js'
import type { Refusal } from './merge.js'
import { type FileOutcome, importDefaults } from './options.js'
import type { Reading } from './reading.js'
import { chunksOf, endsBatch, ImportFailure, judging, outcomeOf, type Run, requireGood, timed } from './run.js'
import type { FileIdentity, Source } from './source.js'
import type { Chunk } from './split/chunk.js'
import { dropStaging, stageChunk, staging } from './stage.js'

type Context = Pick<LoadContext, 'rules' | 'timezone' | 'columns' | 'copyOptions' | 'strict'>

export async function dryRun(
  run: Run,
  source: Source,
  reading: Reading,
  identity?: FileIdentity,
): Promise<FileOutcome> {
  try {
    await timed(run, 'checking', () =>
      withTransaction(run.db, async (tx) => {
        const { rows } = await sql<{ now: Date }>`SELECT clock_timestamp() AS now`.execute(tx.q)
        const context: Context = { ...judging(reading, rows[0]!.now), strict: false }
        await tx.client.query('CREATE TEMP TABLE ea_seen (event_id uuid PRIMARY KEY) ON COMMIT DROP')
        const chunkBytes = run.options.chunkBytes ?? importDefaults.chunkBytes
        for await (const chunk of chunksOf(run, source, reading, chunkBytes)) {
          await judgeInto(tx, run, context, chunk)
          chunk.release()
        }
        requireGood(run, source, identity)
      }),
    )
  } catch (error) {
    if (!endsBatch(error)) throw error
    throw new ImportFailure(error, outcomeOf(run, source, null, 'dry_run', identity?.sha256 ?? null))
  }
  return outcomeOf(run, source, null, 'dry_run', source.sha256())
}

/** Judges one chunk and books what an import would have booked. */
async function judgeInto(tx: Transaction, run: Run, context: Context, chunk: Chunk): Promise<void> {
  await prepareSession(tx, context.timezone)
  await stageChunk(tx, chunk, context.columns, context.copyOptions)
  await tx.client.query('SAVEPOINT chunk')
  try {
    await book(tx, run, context, chunk)
  } catch (error) {
    if (!isDataError(error) || context.strict) throw error
    await tx.client.query('ROLLBACK TO SAVEPOINT chunk')
    context.strict = true
    await book(tx, run, context, chunk)
  }
  await tx.client.query('RELEASE SAVEPOINT chunk')
  await dropStaging(tx)
}

async function book(tx: Transaction, run: Run, context: Context, chunk: Chunk): Promise<void> {
  const options = await judgeOptions(tx, context, chunk)
  const { rows } = await sql<{ good: number; inserted: number; ns: number[] | null; codes: Refusal['code'][] | null }>`
    WITH judged AS MATERIALIZED (SELECT n, event_id, code FROM (${judgeSql(staging, context.rules, options)}) j),
    seen AS (
      INSERT INTO pg_temp.ea_seen SELECT event_id FROM judged WHERE code IS NULL ON CONFLICT DO NOTHING RETURNING event_id
    ),
    refused AS (SELECT array_agg(n ORDER BY n) AS ns, array_agg(code ORDER BY n) AS codes FROM judged WHERE code IS NOT NULL)
    SELECT (SELECT count(*) FROM judged WHERE code IS NULL) AS good, ns, codes,
           (SELECT count(*) FROM seen WHERE NOT EXISTS (SELECT FROM ${tx.t.events} e WHERE e.event_id = seen.event_id)) AS inserted
      FROM refused`.execute(tx.q)
  const { good, inserted, ns, codes } = rows[0]!
  const refusals = (ns ?? []).map((n, index) => ({ n, code: codes![index]! }))
  const rejects = allRejects(chunk, [...refusals, ...options.refusals])
  run.ledger.add({ read: chunk.records, inserted, duplicates: good - inserted, rejected: rejects.length }, rejects)
}
