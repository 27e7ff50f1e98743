/**
 * A million records, fourteen of them bad, each in its own way: the import refuses the file and names all fourteen; or
 * stores all others and hands the fourteen back as they were; and once mended, they are stored as well.
 */
import { createWriteStream } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import type { RejectCode } from '../../src/lib/core/event.js'
import { importFiles } from '../../src/lib/import/import.js'
import { withFreshDatabase } from '../support/postgres/database.js'
import { withScratchFolder } from '../support/temp-dir.js'

const records = 1_000_000
const header = 'event_id,occurred_at,user_id,event_type,properties\n'

const idOf = (n: number) => `${n.toString(16).padStart(8, '0')}-9c0b-4ef8-bb6d-6bb9bd380a11`
const plain = (n: number) => `${idOf(n)},2025-01-31T10:20:30Z,u${n % 5_000},view,`
const quoted = (n: number) => `${plain(n)}"{""n"":${n % 10}}"`
/** Behind this record no other has a quote: one that is open there stays open. */
const lastQuoted = 990_000

interface Bad {
  readonly record: number
  readonly code: RejectCode
  readonly raw: Buffer
}

const bad = (record: number, code: RejectCode, raw: string | Buffer): Bad => ({ record, code, raw: Buffer.from(raw) })
const at = '2025-01-31'
const deep = `"${'['.repeat(200_000)}${']'.repeat(200_000)}"`

const fourteen: readonly Bad[] = [
  bad(1, 'field_count', 'too,short'),
  bad(2, 'invalid_event_id', `not-a-uuid,${at},u,view,`),
  bad(70_003, 'invalid_occurred_at', `${idOf(70_003)},2025-02-30,u,view,`),
  bad(140_007, 'invalid_occurred_at', `${idOf(140_007)},now,u,view,`),
  bad(210_011, 'occurred_at_out_of_range', `${idOf(210_011)},2999-12-31,u,view,`),
  bad(280_013, 'missing_user_id', `${idOf(280_013)},${at},,view,`),
  bad(350_017, 'invalid_user_id', `${idOf(350_017)},${at},${'u'.repeat(256)},view,`),
  bad(420_019, 'invalid_event_type', `${idOf(420_019)},${at},u,"vi\u0007ew",`),
  bad(490_023, 'properties_not_an_object', `${idOf(490_023)},${at},u,view,"[1,2]"`),
  bad(560_027, 'invalid_properties', `${idOf(560_027)},${at},u,view,"{""a"":""\\u0000""}"`),
  bad(630_029, 'invalid_utf8', Buffer.from(`${idOf(630_029)},${at},caf\xe9,view,`, 'latin1')),
  bad(700_031, 'json_too_deep', `${idOf(700_031)},${at},u,view,${deep}`),
  bad(770_033, 'text_after_quote', `${idOf(770_033)},${at},"u"x,view,`),
  bad(999_999, 'unclosed_quote', `${idOf(999_999)},${at},"u,view,`),
]

function* content(): Generator<Buffer> {
  yield Buffer.from(header)
  let next = 0
  let lines: string[] = []
  for (let n = 1; n <= records; n++) {
    if (fourteen[next]?.record === n) {
      yield Buffer.from(lines.join(''))
      lines = []
      yield Buffer.concat([fourteen[next++]!.raw, Buffer.from('\n')])
    } else {
      lines.push(n < lastQuoted && n % 3 === 0 ? quoted(n) : plain(n), '\n')
      if (lines.length === 20_000) {
        yield Buffer.from(lines.join(''))
        lines = []
      }
    }
  }
  yield Buffer.from(lines.join(''))
}

test('fourteen bad records of a million', { timeout: 600_000 }, async () => {
  await withScratchFolder((folder) =>
    withFreshDatabase(
      async (db) => {
        const path = join(folder, 'events.csv')
        const rejectsFile = join(folder, 'rejects.csv')
        await pipeline(Readable.from(content()), createWriteStream(path))
        const stored = async () => {
          const { rows } = await sql<{ events: number; in_rollups: number; batches: string[] }>`
            SELECT (SELECT count(*) FROM ${db.t.events}) AS events,
                   (SELECT coalesce(sum(events), 0)::bigint FROM ${db.t.days}) AS in_rollups,
                   (SELECT array_agg(status ORDER BY id) FROM ${db.t.import_batches}) AS batches`.execute(db.q)
          return rows[0]
        }

        const refused = (await importFiles(db, [path])).files[0]!
        expect(refused).toMatchObject({ status: 'failed', read: records, inserted: 0, rejected: 14 })
        expect(refused.error!.code).toBe('rejects_over_budget')
        for (const { record, code } of fourteen) expect(refused.error!.message).toContain(`line ${record + 1}: ${code}`)
        expect(refused.firstRejects.map(({ record, code }) => [record, code])).toEqual(
          fourteen.map(({ record, code }) => [record, code]),
        )
        expect(await stored()).toEqual({ events: 0, in_rollups: 0, batches: ['failed'] })

        const allowed = (await importFiles(db, [path], { maxRejects: { records: 14 }, rejectsFile })).files[0]!
        expect(allowed).toMatchObject({ status: 'completed', read: records, inserted: 999_986, rejected: 14 })
        expect(await stored()).toEqual({ events: 999_986, in_rollups: 999_986, batches: ['failed', 'completed'] })
        const written = await readFile(rejectsFile)
        const lines = fourteen.flatMap(({ raw }) => [raw, Buffer.from('\n')])
        expect(written.equals(Buffer.concat([Buffer.from(header), ...lines]))).toBe(true)

        let mended = written
        for (const { record, raw } of fourteen) {
          const from = mended.indexOf(raw)
          const rest = mended.subarray(from + raw.length)
          mended = Buffer.concat([mended.subarray(0, from), Buffer.from(quoted(record)), rest])
        }
        await writeFile(rejectsFile, mended)
        const last = (await importFiles(db, [rejectsFile])).files[0]!
        expect(last).toMatchObject({ status: 'completed', read: 14, inserted: 14, duplicates: 0, rejected: 0 })
        expect(await stored()).toMatchObject({ events: records, in_rollups: records })
      },
      { maxConnections: 6 },
    ),
  )
})
