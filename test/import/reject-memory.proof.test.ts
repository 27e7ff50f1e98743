/** A file of nothing but rejects is imported in about the memory of a good one with as many records, however they are broken. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import type { RejectCode } from '../../src/lib/core/event.js'
import type { ImportOptions } from '../../src/lib/import/options.js'
import { importChild } from '../support/import/import-child.js'
import { withFreshDatabase } from '../support/postgres/database.js'
import { withScratchFolder } from '../support/temp-dir.js'
import { importPath } from './import-helpers.js'

const records = 300_000
const header = 'event_id,occurred_at,user_id,event_type,properties\n'
const at = '2025-01-31T10:20:30Z'
const idOf = (n: number) => `${n.toString(16).padStart(8, '0')}-9c0b-4ef8-bb6d-6bb9bd380a11`

const good = (n: number) => `${idOf(n)},${at},u${n % 5_000},view,`
const badId = (n: number) => `${idOf(n)}0,${at},u${n % 5_000},view,`
const short = (n: number) => String(n % 10)
const long = (n: number) => `${good(n)},more,${n}`
const inTurns = (n: number) => (n % 2 === 0 ? short(n) : badId(n))

const kinds: readonly [RejectCode, string, (n: number) => string, Partial<ImportOptions>?][] = [
  ['field_count', 'a.csv', short],
  ['field_count', 'b.csv', long],
  ['field_count', 'c.csv', inTurns],
  ['invalid_event_id', 'd.csv', badId],
  ['missing_user_id', 'e.csv', (n) => `${idOf(n)},${at},,view,`],
  ['record_too_long', 'f.csv', good, { maxRecordBytes: 40 }],
  ['not_an_object', 'g.ndjson', short],
  ['invalid_json', 'h.ndjson', (n) => `{${n % 10}}`],
]

/** Structural rejects and those of PostgreSQL; the other kinds take the same ways. */
const isOneOfTwo = (name: string) => name === 'a.csv' || name === 'd.csv'

test('nothing but rejects', { timeout: 900_000 }, async () => {
  await withScratchFolder((folder) =>
    withFreshDatabase(async (_db, url) => {
      const peak = async (
        name: string,
        line: (n: number) => string,
        rejected: number,
        options: Partial<ImportOptions>,
      ) => {
        const file = join(folder, name)
        const lines = Array.from({ length: records }, (_, n) => line(n))
        await writeFile(file, `${name.endsWith('.csv') ? header : ''}${lines.join('\n')}\n`)
        const all = { maxRejects: { percent: 100 }, jobs: 3, ...options }
        const { outcome, peakKb } = await importChild({ url, files: [file], options: all }).ended
        expect(outcome?.files, name).toMatchObject([{ read: records, rejected }])
        return { reasons: outcome!.files[0]!.reasons.map(({ code }) => code), peakKb: peakKb! }
      }
      const ofGood = (await peak('good.csv', good, 0, {})).peakKb
      for (const [code, name, line, options = {}] of kinds) {
        const ways = isOneOfTwo(name) ? [{}, { dryRun: true }, { rejectsFile: join(folder, `rejects-${name}`) }] : [{}]
        for (const more of ways) {
          const { reasons, peakKb } = await peak(name, line, records, { ...options, ...more, force: true })
          expect(reasons).toContain(code)
          expect(peakKb / ofGood, `${name} ${JSON.stringify(more)}: ${peakKb} kB beside ${ofGood} kB`).toBeLessThan(1.5)
        }
      }
    }),
  )
})

test('a chunk of rubbish has few records, so what is held of it is little', () =>
  withScratchFolder((folder) =>
    withFreshDatabase(async (db) => {
      const path = join(folder, 'events.ndjson')
      await writeFile(path, '{}\n1\n'.repeat(60_000))
      const { outcome } = await importPath(db, path)
      expect(outcome).toMatchObject({ read: 120_000, rejected: 120_000 })
      const { rows } = await sql<{ most: number }>`
        SELECT max(read) AS most FROM ${db.t.import_chunks} WHERE batch_id = ${outcome.id}`.execute(db.q)
      expect(rows[0]!.most).toBeLessThan(100_000)
    }),
  ))
