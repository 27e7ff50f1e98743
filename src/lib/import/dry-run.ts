/**
 * What an import would do: everything is split, staged and judged, ids are compared with those that are stored and
 * those seen in the file and in the files before it that would be imported; the transaction stores nothing.
 */
import { sql } from 'kysely'
import { differingFields } from '../batches/differences.js'
import { type Database, type Transaction, withTransaction } from '../db/connect.js'
import { withSavepoint } from '../db/savepoint.js'
import { rejectsOf } from '../load/chunk-rejects.js'
import {
  type ChunkOutcome,
  type StagedOptions,
  stageForValidation,
  type ValidationContext,
  withEscalation,
} from '../load/load-chunk.js'
import { type Remarks, rejectedRecords, remarksSql } from '../load/merge.js'
import type { Chunk } from '../load/split/chunk.js'
import { type ValidationOptions, type ValidationRules, validationSql } from '../load/sql/validation-sql.js'
import { dropStaging, staging } from '../load/stage.js'
import { endsBatch, ImportFailure, outcomeOf, requireGood } from './file-outcome.js'
import { chunksOf, type ImportContext, inTurn, timed, validationContext, warnOfRecords } from './import-context.js'
import { type FileOutcome, importDefaults } from './options.js'
import type { Reading } from './reading/parse-options.js'
import type { FileIdentity, Source } from './source/source.js'

/** What several files of one dry run share. */
export interface DryRun {
  /** Has the table of the ids that were seen. */
  readonly tx: Transaction
  /** The file of each content (its SHA-256) that would be imported. */
  readonly contents: Map<string, string>
  /** A batch whose events do not count: it would be undone before. */
  readonly undone: number | null
}

/** Runs `body`, which tries any number of files one after the other. */
export async function inDryRun<T>(
  db: Database,
  body: (dry: DryRun) => Promise<T>,
  undone: number | null = null,
): Promise<T> {
  return withTransaction(db, async (tx) => {
    await tx.client.query('CREATE TEMP TABLE ea_seen (event_id uuid PRIMARY KEY, content bigint) ON COMMIT DROP')
    return body({ tx, contents: new Map(), undone })
  })
}

export async function dryRun(
  run: ImportContext,
  source: Source,
  reading: Reading,
  dry: DryRun,
  identity?: FileIdentity,
): Promise<FileOutcome> {
  const { tx, contents } = dry
  try {
    await timed(run, 'checking', async () => {
      const { rows } = await sql<{ now: Date }>`SELECT clock_timestamp() AS now`.execute(tx.q)
      const context = validationContext(reading, rows[0]!.now)
      const chunkBytes = run.options.chunkBytes ?? importDefaults.chunkBytes
      // A file that is refused stores nothing that a later one could repeat.
      await withSavepoint(tx, async () => {
        for await (const chunk of chunksOf(run, source, reading, chunkBytes)) {
          await validateInto(dry, run, context, chunk)
          chunk.release()
        }
        requireGood(run, source, reading, identity)
      })
      contents.set(source.sha256().toString('hex'), run.path)
    })
  } catch (error) {
    if (!endsBatch(error)) throw error
    throw new ImportFailure(error, outcomeOf(run, source, null, 'dry_run', identity?.sha256 ?? null))
  }
  warnOfRecords(run)
  return outcomeOf(run, source, null, 'dry_run', source.sha256())
}

/** Judges one chunk; a data error takes only its part back. */
async function validateInto(dry: DryRun, run: ImportContext, context: ValidationContext, chunk: Chunk): Promise<void> {
  const { tx } = dry
  const outcome = await withEscalation(context, ({ mode }) =>
    withSavepoint(tx, async () =>
      validateStaged(dry, run, chunk, context.rules, await stageForValidation(tx, context, chunk, mode)),
    ),
  )
  await dropStaging(tx)
  run.counts.add(outcome, outcome.rejects)
  await inTurn(run, (write) => write(outcome.rejects))
}

/** What an import would book for a chunk. */
async function validateStaged(
  { tx, undone }: DryRun,
  run: ImportContext,
  chunk: Chunk,
  rules: ValidationRules,
  options: StagedOptions,
): Promise<Omit<ChunkOutcome, 'chunk'>> {
  const { rows } = await sql<Remarks & { good: number; inserted: number }>`
    WITH judged AS MATERIALIZED (${validationSql(staging, rules, options)}),
    good AS (SELECT * FROM judged WHERE code IS NULL),
    seen AS (
      INSERT INTO pg_temp.ea_seen SELECT DISTINCT ON (event_id) event_id, ${contentOf('good')} FROM good ORDER BY event_id, n
      ON CONFLICT DO NOTHING RETURNING event_id)
    SELECT (SELECT count(*) FROM good) AS good, ${remarksSql},
           (SELECT count(*) FROM seen WHERE NOT EXISTS (SELECT FROM ${run.db.t.events} e WHERE e.event_id = seen.event_id AND ${staysOwned(undone)})) AS inserted`.execute(
    tx.q,
  )
  const { good, inserted, shadowed, mistyped } = rows[0]!
  const looked = chunk.good - options.refused.length
  const refusals = good === looked ? [] : await rejectedRecords(tx, rules, options)
  const rejects = rejectsOf(chunk, refusals, options.refusals)
  const duplicates = good - inserted
  const differing = duplicates === 0 ? 0 : await countDiffering(tx, run, undone, rules, options)
  const counts = { read: chunk.records, inserted, duplicates, differing, rejected: rejects.length }
  return { ...counts, shadowed, mistyped, ...options.clocks, rejects }
}

/** What an event is, beside its id, as a number: the contents of a whole file are too much to hold. */
const contentOf = (relation: string) => {
  const column = (name: string) => sql.ref(`${relation}.${name}`)
  return sql`hash_record_extended(ROW(${column('occurred_at')}, ${column('user_id')}, ${column('event_type')}, ${column('properties')}), 0)`
}

/** Whether an event `e` would still be stored. */
const staysOwned = (undone: number | null) => (undone === null ? sql`true` : sql`e.batch_id <> ${undone}`)

/** Records that differ from the stored event of their id, or else from the first one of the file. */
async function countDiffering(
  tx: Transaction,
  run: ImportContext,
  undone: number | null,
  rules: ValidationRules,
  options: ValidationOptions,
): Promise<number> {
  const { rows } = await sql<{ differing: number }>`
    SELECT count(*) AS differing
      FROM (${validationSql(staging, rules, options)}) g
      LEFT JOIN ${run.db.t.events} e ON e.event_id = g.event_id AND ${staysOwned(undone)}
      JOIN pg_temp.ea_seen s ON s.event_id = g.event_id
     WHERE g.code IS NULL AND CASE WHEN e.event_id IS NULL THEN ${contentOf('g')} <> s.content
                                   ELSE ${differingFields('g', 'e')} <> '{}' END`.execute(tx.q)
  return rows[0]!.differing
}
