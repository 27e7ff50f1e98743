/** What is stored is the same on both ways: by the kernel straight into `events`, and through staging and merge. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { type Transaction, withTransaction } from '../../../src/lib/db/connect.js'
import { withSavepoint } from '../../../src/lib/db/savepoint.js'
import type { ImportOptions } from '../../../src/lib/import/options.js'
import { directReader } from '../../../src/lib/load/direct/direct-reader.js'
import { directPlanOf } from '../../../src/lib/load/direct/plan.js'
import { stageForValidation } from '../../../src/lib/load/load-chunk.js'
import { resolveMapping } from '../../../src/lib/load/mapping/mapping.js'
import type { Chunk } from '../../../src/lib/load/split/chunk.js'
import { copyOptions } from '../../../src/lib/load/split/copy.js'
import { split } from '../../../src/lib/load/split/split.js'
import { validationSql } from '../../../src/lib/load/sql/validation-sql.js'
import { dropStaging, stagedRows, stageRows, staging } from '../../../src/lib/load/stage.js'
import { empty, importPath } from '../../import/import-helpers.js'
import { assertProperty, atLeast } from '../../support/effort.js'
import { sharedDatabase } from '../../support/postgres/shared-database.js'
import { withScratchFolder } from '../../support/temp-dir.js'
import { buffersOf } from '../split/split-content.js'
import { hostileRecord, names, shapeOf, type Writing, writing, written } from './hostile.js'

const database = sharedDatabase()
const latest = new Date('2027-01-01T00:00:00Z')

interface Difference {
  readonly n: number
  readonly staged: unknown
  readonly direct: unknown
}

/** Stages a plain chunk both ways, and gives the records of which any column differs; null when its properties are no JSON. */
async function differences(
  tx: Transaction,
  chunk: Chunk,
  how: Writing,
  timezone: string,
): Promise<Difference[] | null> {
  const shape = shapeOf(how)
  const columns = shape.kind === 'delimited' ? how.order.map((index) => names[index]!) : null
  const rules = { mapping: resolveMapping({ columns }), timeFormat: { kind: 'auto' }, latest } as const
  const context = {
    rules,
    shape,
    timezone,
    copyOptions: copyOptions(shape),
    mode: 'bisect',
    expects: 'new',
  } as const
  const options = await stageForValidation(tx, context, chunk, 'bisect')
  const judged = validationSql(staging, rules, { ...options, numbered: true })
  await sql`CREATE TEMP TABLE as_text ON COMMIT DROP AS SELECT * FROM (${judged}) judged`.execute(tx.q)
  await dropStaging(tx)
  try {
    await withSavepoint(tx, () => stageRows(tx, chunk.rows({ kind: 'staging' })))
    const { rows } = await sql<Difference>`
      SELECT coalesce(a.n, b.n) AS n, to_json(a) AS staged, to_json(b) AS direct
        FROM as_text a FULL JOIN (${stagedRows}) b ON a.n = b.n
       WHERE (a.n, a.event_id, a.occurred_at, a.user_id, a.event_type, a.properties::text, a.code)
             IS DISTINCT FROM (b.n, b.event_id, b.occurred_at, b.user_id, b.event_type, b.properties::text, b.code)`.execute(
      tx.q,
    )
    await dropStaging(tx)
    return rows
  } catch (error) {
    // What COPY refuses is a reject of the other way.
    const { rows } = await sql<{ code: string }>`SELECT code FROM as_text WHERE code IS NOT NULL`.execute(tx.q)
    const refused = rows.length > 0 || options.refusals.length > 0
    if (refused) return null
    throw error
  } finally {
    await sql`DROP TABLE as_text`.execute(tx.q)
  }
}

describe('the fields of plain records', () => {
  test('are those that PostgreSQL reads, in every column', { tags: 'property' }, async () => {
    let compared = 0
    await assertProperty(
      fc.asyncProperty(
        fc.array(hostileRecord, { minLength: 1, maxLength: 30 }),
        writing,
        fc.constantFrom(1, 300, 100_000),
        fc.constantFrom('UTC', 'Europe/Kyiv'),
        async (records, how, chunkBytes, timezone) => {
          const shape = shapeOf(how)
          const columns = shape.kind === 'delimited' ? how.order.map((index) => names[index]!) : null
          const rules = { mapping: resolveMapping({ columns }), timeFormat: { kind: 'auto' }, latest } as const
          const plain = directReader(directPlanOf(shape, rules, timezone, 1 << 24)!)!
          const limits = { chunkBytes, maxRecordBytes: 1 << 24, headerBytes: 0, headerLines: 0 }
          await withTransaction(database(), async (tx) => {
            const source = buffersOf(Buffer.from(written(records, how)), 64 * 1024)
            for await (const chunk of split(source, { shape, plain, ...limits })) {
              if (chunk.isPlain) {
                const found = await differences(tx, chunk, how, timezone)
                if (found) compared += chunk.good
                expect(found ?? []).toEqual([])
              }
              chunk.release()
            }
          })
        },
      ),
      800,
    )
    expect(compared).toBeGreaterThan(atLeast(1500))
  })
})

/** Everything that imports of these files leave, without what tells when and by whom. */
async function stored(options: ImportOptions, files: readonly string[], how: Writing): Promise<unknown> {
  const db = database()
  const isCsv = how.format === 'csv'
  const header = isCsv ? `${how.order.map((index) => names[index]).join(how.delimiter)}${how.lineEnd}` : ''
  const dialect = isCsv ? { format: 'csv', delimiter: how.delimiter, quote: how.quote } : { format: 'ndjson' }
  await empty(db)
  return withScratchFolder(async (folder) => {
    const outcomes: unknown[] = []
    for (const [index, content] of files.entries()) {
      const path = join(folder, `${index}.${how.format}`)
      await writeFile(path, header + content)
      const imported = await importPath(db, path, { ...options, ...dialect, force: true } as ImportOptions)
      const { read, inserted, duplicates, differing, rejected, reasons, warnings } = imported.outcome
      const { rejects, events } = imported
      // Chunks that are merged at once may count the same difference once or twice (reassign-earlier.ts).
      const exact = options.jobs === 1 ? { differing } : {}
      outcomes.push({ read, inserted, duplicates, rejected, reasons, warnings, rejects, events, ...exact })
    }
    const { rows: chunks } = await sql`
      SELECT chunk, read, rejected, byte_from, byte_to FROM ${db.t.import_chunks} ORDER BY batch_id, chunk`.execute(
      db.q,
    )
    const { rows: overlaps } = await sql`
      SELECT duplicates FROM ${db.t.import_overlaps} ORDER BY batch_id, owner_id`.execute(db.q)
    const { rows: days } = await sql`SELECT * FROM ${db.t.user_days} ORDER BY user_id, day`.execute(db.q)
    return { outcomes, chunks, overlaps, days }
  })
}

describe('imports', () => {
  test('leave the same, plain chunks straight into events or not', { tags: 'property' }, async () => {
    await assertProperty(
      fc.asyncProperty(
        fc.array(fc.array(hostileRecord, { minLength: 1, maxLength: 25 }), { minLength: 1, maxLength: 3 }),
        writing,
        fc.constantFrom(400, 2000, 100_000),
        fc.constantFrom<ImportOptions>({ jobs: 1 }, { jobs: 3 }, { atomic: true, jobs: 1 }),
        fc.constantFrom('UTC', 'America/New_York'),
        async (files, how, chunkBytes, options, timezone) => {
          const contents = files.map((records) => written(records, how))
          // What is stored already, in part and whole.
          const again = [...contents, contents[0]! + (how.endsWithLine ? '' : how.lineEnd) + contents.at(-1)!]
          const given = { ...options, chunkBytes, timezone }
          const direct = await stored({ ...given, load: 'auto' }, again, how)
          expect(direct).toEqual(await stored({ ...given, load: 'staged' }, again, how))
        },
      ),
      60,
    )
  })
})
