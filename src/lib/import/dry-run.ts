/**
 * What an import would do: everything is split, staged and judged, ids are compared with those that are stored and
 * those seen in the file and in the files before it that would be imported; the transaction stores nothing.
 */
import { sql } from 'kysely'
import { type Database, type Transaction, withTransaction } from '../db/connect.js'
import { rejectsOf } from './chunk-rejects.js'
import { type JudgeRules, judgeSql } from './judge.js'
import { type ChunkOutcome, type JudgeContext, stageForJudging, withTrust } from './load-chunk.js'
import { refusedRecords } from './merge.js'
import { type FileOutcome, importDefaults } from './options.js'
import type { Reading } from './reading.js'
import { chunksOf, endsBatch, ImportFailure, judging, outcomeOf, type Run, requireGood, timed } from './run.js'
import type { FileIdentity, Source } from './source.js'
import type { Chunk } from './split/chunk.js'
import { dropStaging, staging } from './stage.js'

/** What several files of one dry run share. */
export interface DryRun {
  /** Has the table of the ids that were seen. */
  readonly tx: Transaction
  /** The file of each content (its SHA-256) that would be imported. */
  readonly contents: Map<string, string>
}

/** Runs `body`, which tries any number of files one after the other. */
export async function inDryRun<T>(db: Database, body: (dry: DryRun) => Promise<T>): Promise<T> {
  return withTransaction(db, async (tx) => {
    await tx.client.query('CREATE TEMP TABLE ea_seen (event_id uuid PRIMARY KEY) ON COMMIT DROP')
    return body({ tx, contents: new Map() })
  })
}

export async function dryRun(
  run: Run,
  source: Source,
  reading: Reading,
  { tx, contents }: DryRun,
  identity?: FileIdentity,
): Promise<FileOutcome> {
  try {
    await timed(run, 'checking', async () => {
      const { rows } = await sql<{ now: Date }>`SELECT clock_timestamp() AS now`.execute(tx.q)
      const context = judging(reading, rows[0]!.now)
      await tx.client.query('SAVEPOINT file')
      const chunkBytes = run.options.chunkBytes ?? importDefaults.chunkBytes
      for await (const chunk of chunksOf(run, source, reading, chunkBytes)) {
        await judgeInto(tx, run, context, chunk)
        chunk.release()
      }
      requireGood(run, source, identity)
      await tx.client.query('RELEASE SAVEPOINT file')
      contents.set(source.sha256().toString('hex'), run.path)
    })
  } catch (error) {
    if (!endsBatch(error)) throw error
    // A file that is refused stores nothing that a later one could repeat.
    await tx.client.query('ROLLBACK TO SAVEPOINT file; RELEASE SAVEPOINT file')
    throw new ImportFailure(error, outcomeOf(run, source, null, 'dry_run', identity?.sha256 ?? null))
  }
  return outcomeOf(run, source, null, 'dry_run', source.sha256())
}

/** Judges one chunk; a data error takes only its savepoint back. */
async function judgeInto(tx: Transaction, run: Run, context: JudgeContext, chunk: Chunk): Promise<void> {
  const outcome = await withTrust(context, async ({ trust }) => {
    await tx.client.query('SAVEPOINT chunk')
    try {
      return await judgeStaged(tx, run, chunk, context.rules, await stageForJudging(tx, context, chunk, trust))
    } catch (error) {
      await tx.client.query('ROLLBACK TO SAVEPOINT chunk')
      throw error
    } finally {
      await tx.client.query('RELEASE SAVEPOINT chunk')
    }
  })
  await dropStaging(tx)
  run.ledger.add(outcome, outcome.rejects)
}

/** What an import would book for a chunk. */
async function judgeStaged(
  tx: Transaction,
  run: Run,
  chunk: Chunk,
  rules: JudgeRules,
  options: Awaited<ReturnType<typeof stageForJudging>>,
): Promise<Omit<ChunkOutcome, 'chunk'>> {
  const { rows } = await sql<{ good: number; inserted: number }>`
    WITH good AS MATERIALIZED (
      SELECT event_id FROM (${judgeSql(staging, rules, options)}) judged WHERE code IS NULL
    ),
    seen AS (INSERT INTO pg_temp.ea_seen SELECT event_id FROM good ON CONFLICT DO NOTHING RETURNING event_id)
    SELECT (SELECT count(*) FROM good) AS good,
           (SELECT count(*) FROM seen WHERE NOT EXISTS (SELECT FROM ${run.db.t.events} e WHERE e.event_id = seen.event_id)) AS inserted`.execute(
    tx.q,
  )
  const { good, inserted } = rows[0]!
  const looked = chunk.good - options.refused.length
  const refusals = good === looked ? [] : await refusedRecords(tx, rules, options)
  const rejects = rejectsOf(chunk, [...refusals, ...options.refusals])
  return { read: chunk.records, inserted, duplicates: good - inserted, rejected: rejects.length, rejects }
}
