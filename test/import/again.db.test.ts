/** `ea import --again`: undo and import in one step, read as before unless told otherwise, and never less than before. */
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { getBatch, listBatches } from '../../src/lib/batches/batches.js'
import { undoBatch } from '../../src/lib/batches/undo.js'
import { armFailpoint } from '../../src/lib/core/failpoint.js'
import { importAgain } from '../../src/lib/import/again.js'
import { importFiles } from '../../src/lib/import/import.js'
import type { ImportOptions } from '../../src/lib/import/options.js'
import { changingFlags, flagsOfBatch, isSameReading } from '../../src/lib/import/reading/stored-reading.js'
import { parseIdFrom, parseMap } from '../../src/lib/load/mapping/map-parser.js'
import { parseTimeFormat } from '../../src/lib/load/mapping/time-format.js'
import { expectSound } from '../support/import/import-state.js'
import { sharedDatabase } from '../support/postgres/shared-database.js'
import { errorOf, withScratchFolder } from '../support/temp-dir.js'
import { empty, storedEvents } from './import-helpers.js'

const database = sharedDatabase()

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const csv = (...ids: readonly number[]) =>
  ['event_id,occurred_at,user_id,event_type', ...ids.map((n) => `${id(n)},2025-01-01 12:00:00,u${n},x`), ''].join('\n')

/** Imports a file into an empty database and hands it over. */
async function withBatch(
  content: string | Buffer,
  options: ImportOptions,
  use: (batch: number, path: string, folder: string) => Promise<void>,
  name = 'events.csv',
) {
  await empty(database())
  await withScratchFolder(async (folder) => {
    const path = join(folder, name)
    await writeFile(path, content)
    const { files } = await importFiles(database(), [path], options)
    expect(files[0]).toMatchObject({ status: 'completed' })
    await use(files[0]!.id!, path, folder)
    await expectSound(database())
  })
}

const statuses = async () => (await listBatches(database())).map(({ status }) => status).reverse()
const times = async () => (await storedEvents(database())).map(({ occurred_at }) => occurred_at.slice(0, 19))

test('another time zone: the events are those of the new reading, and the rest is read as it was', () =>
  withBatch(
    csv(1, 2).replace('event_id', 'uuid').replaceAll(',', '~'),
    { map: parseMap('event_id=uuid'), delimiter: '~' },
    async (batch, path) => {
      const outcome = await importAgain(database(), batch, [], { timezone: 'Europe/Kyiv' })
      expect(outcome).toMatchObject({
        undone: { batch: { id: batch, status: 'undone' }, removed: 2, stale: [] },
        files: [{ file: path, status: 'completed', read: 2, inserted: 2 }],
      })
      expect(await times()).toEqual(Array(2).fill('2025-01-01T10:00:00'))
      expect(await statuses()).toEqual(['undone', 'completed'])
      // The same again finds it done.
      const once = await importAgain(database(), batch, [], { timezone: 'Europe/Kyiv' })
      expect(once).toMatchObject({
        undone: null,
        files: [{ status: 'already_imported', id: outcome.files[0]!.id, warnings: [] }],
      })
      const other = await importAgain(database(), batch, [], { timezone: 'Asia/Tokyo' })
      expect(other.files[0]!.warnings[0]).toContain(
        `\`ea import --again ${outcome.files[0]!.id} --timezone Asia/Tokyo\`.`,
      )
    },
  ))

const ndjson = [1, 2]
  .map((n) => JSON.stringify({ u: { id: id(n) }, 'a.b': 'x', at: '31/12/2024 10:00', who: `w${n}`, 'e|t': 'buy' }))
  .join('\n')
const readings: [string, string | Buffer, ImportOptions, string][] = [
  ['nothing given', csv(1, 2), {}, 'a.csv'],
  [
    'all of a CSV',
    Buffer.from(csv(1, 2).replaceAll(',', ';').replace('user_id', 'Größe'), 'latin1'),
    {
      format: 'csv',
      delimiter: ';',
      quote: 'none',
      encoding: 'windows-1252',
      timezone: 'Asia/Tokyo',
      map: parseMap('user_id=Größe|event_type,properties=event_type'),
      idFrom: parseIdFrom('*,#'),
      maxRecordBytes: 5000,
      maxRejects: { percent: 100 },
    },
    'a.txt',
  ],
  [
    'keys of JSON with dots and bars',
    ndjson,
    {
      map: parseMap('event_id=u.id,user_id="a.b"|who,event_type="e|t",occurred_at=at'),
      timeFormat: parseTimeFormat('DD/MM/YYYY HH24:MI'),
    },
    'a.log',
  ],
  [
    'derived ids',
    ndjson,
    {
      map: parseMap('user_id=who,event_type="e|t",occurred_at=at'),
      idFrom: parseIdFrom('"a.b",u.id,#'),
      timeFormat: parseTimeFormat('DD/MM/YYYY HH24:MI'),
    },
    'a.json',
  ],
  ['UTF-16 by its mark', Buffer.from(`\ufeff${csv(1, 2)}`, 'utf16le'), {}, 'a.csv'],
  [
    'properties of another name',
    `${csv(1).trim().replace('event_type', 'event_type,properties,p')},"{}","{""a"":1}"\n`,
    { map: parseMap('properties=p') },
    'a.csv',
  ],
]

test.each(readings)('it is read as it was: %s', (_, content, options, name) =>
  withBatch(
    content,
    options,
    async (batch) => {
      const before = await storedEvents(database())
      const { files } = await importAgain(database(), batch, [])
      expect(files[0]).toMatchObject({ status: 'completed' })
      const readingOf = async (one: number) => (await getBatch(database(), one)).reading
      expect(isSameReading(await readingOf(files[0]!.id!), await readingOf(batch))).toBe(true)
      expect(await storedEvents(database())).toEqual(before)
      expect(changingFlags(await readingOf(batch), await readingOf(batch))).toBe('')
    },
    name,
  ),
)

test('the flags of a batch are those that its file needs', () =>
  withBatch(
    readings[1]![1],
    readings[1]![2],
    async (batch) => {
      expect(flagsOfBatch(await getBatch(database(), batch))).toBe(
        " --delimiter ';' --quote none --encoding windows-1252 --map 'user_id=Größe|event_type,properties=event_type'" +
          ' --id-from event_id,occurred_at,Größe,event_type,# --timezone Asia/Tokyo --max-record-bytes 5000 --max-rejects 2'.replace(
            '--id-from event_id,occurred_at,Größe,event_type,#',
            "--id-from 'event_id,occurred_at,Größe,event_type,#'",
          ),
      )
    },
    'a.txt',
  ))

test('a mapped id ends a derived one, and the other way round; a map changes only what it names', () =>
  withBatch(
    csv(1, 1).replace('user_id', 'uid'),
    { map: parseMap('user_id=uid'), idFrom: parseIdFrom('event_id,#') },
    async (batch) => {
      expect(await storedEvents(database())).toHaveLength(2)
      const mapped = await importAgain(database(), batch, [], { map: parseMap('event_id=event_id') })
      expect(mapped.files[0]).toMatchObject({ inserted: 1, duplicates: 1 })
      const derived = await importAgain(database(), mapped.files[0]!.id!, [], { idFrom: parseIdFrom('*,#') })
      expect(derived.files[0]).toMatchObject({ inserted: 2, duplicates: 0 })
    },
  ))

test('a dry run says what would be undone and imported, and changes nothing', () =>
  withBatch(csv(1, 2), {}, async (batch, _, folder) => {
    const other = join(folder, 'other.csv')
    await writeFile(other, csv(2, 3))
    await importFiles(database(), [other])
    const before = await storedEvents(database())
    const dry = await importAgain(database(), batch, [], { timezone: 'Europe/Kyiv', dryRun: true })
    expect(dry).toMatchObject({
      undone: { batch: { id: batch, status: 'completed' }, removed: 2, stale: [{ file: other, duplicates: 1 }] },
      files: [{ status: 'dry_run', read: 2, inserted: 2, duplicates: 0, differing: 0 }],
    })
    expect(await storedEvents(database())).toEqual(before)
    expect(await statuses()).toEqual(['completed', 'completed'])
    const real = await importAgain(database(), batch, [], { timezone: 'Europe/Kyiv' })
    expect(real.files[0]).toMatchObject({ read: 2, inserted: 2, duplicates: 0 })
    expect(real.undone!.stale).toMatchObject([{ file: other, duplicates: 1 }])
  }))

test.each([
  ['missing', (path: string) => rename(path, `${path}.gone`), {}, 'file_not_found'],
  ['of another content', (path: string) => writeFile(path, csv(3)), {}, 'file_changed'],
  ['empty', (path: string) => writeFile(path, ''), {}, 'file_changed'],
  ['cut off', (path: string) => writeFile(path, gzipSync(csv(1, 2)).subarray(0, -4)), {}, 'file_corrupt'],
  ['without a column that a flag names', async () => {}, { map: parseMap('user_id=nobody') }, 'missing_column'],
  ['not the format that a flag names', async () => {}, { format: 'ndjson', quote: 'none' }, 'usage'],
] as [string, (path: string) => Promise<void>, ImportOptions, string][])(
  'a file that is %s: refused, and nothing is undone',
  (_, change, options, code) =>
    withBatch(csv(1, 2), {}, async (batch, path) => {
      const before = await storedEvents(database())
      await change(path)
      const error = await errorOf(() => importAgain(database(), batch, [], options))
      expect(error.code).toBe(code)
      expect(await storedEvents(database())).toEqual(before)
      expect(await statuses()).toEqual(['completed'])
    }),
)

test('rejects: as many as before are allowed; more are refused before anything is undone, and are in their file', () =>
  withBatch(`${csv(1, 2)}bad,2025-01-01,u,x\n`, { maxRejects: { records: 5 } }, async (batch, _, folder) => {
    const before = await storedEvents(database())
    const rejectsFile = join(folder, 'rejects.csv')
    const { files, undone } = await importAgain(database(), batch, [], {
      timeFormat: parseTimeFormat('epoch-s'),
      rejectsFile,
    })
    expect(undone).toBeNull()
    expect(files[0]).toMatchObject({
      status: 'failed',
      id: null,
      error: { code: 'rejects_over_budget' },
      rejectsFile: { records: 3 },
    })
    expect(files[0]!.error!.message).toContain(`Batch ${batch} is as it was: nothing is undone.`)
    expect(await storedEvents(database())).toEqual(before)
    expect(await importAgain(database(), batch, [])).toMatchObject({ files: [{ status: 'completed', rejected: 1 }] })
  }))

test('another content is taken with --force, from the file that is named', () =>
  withBatch(csv(1, 2), {}, async (batch, _, folder) => {
    const fixed = join(folder, 'fixed.csv')
    await writeFile(fixed, csv(2, 3, 4))
    expect((await errorOf(() => importAgain(database(), batch, [fixed]))).code).toBe('file_changed')
    const { files } = await importAgain(database(), batch, [fixed], { force: true })
    expect(files[0]).toMatchObject({ file: fixed, status: 'completed', inserted: 3 })
    expect((await storedEvents(database())).map((event) => event.event_id)).toEqual([id(2), id(3), id(4)])
  }))

test('content that is also another batch: refused, as undoing one would lose nothing and change nothing', () =>
  withBatch(csv(1, 2), {}, async (batch, path) => {
    const { files } = await importFiles(database(), [path], { force: true, idFrom: parseIdFrom('*') })
    const error = await errorOf(() => importAgain(database(), batch, [], { timezone: 'Asia/Tokyo' }))
    expect(error).toMatchObject({ code: 'usage', message: expect.stringContaining(`batch ${files[0]!.id}`) })
    expect(await statuses()).toEqual(['completed', 'completed'])
  }))

test('batches without events: an undone, a failed and an interrupted one are only imported', () =>
  withBatch(csv(1, 2), {}, async (batch, path, folder) => {
    await undoBatch(database(), batch)
    expect(await importAgain(database(), batch, [])).toMatchObject({
      undone: null,
      files: [{ status: 'completed', inserted: 2 }],
    })

    const bad = join(folder, 'bad.csv')
    await writeFile(bad, `${csv(5)}bad,2025-01-01,u,x\n`)
    const failed = await importFiles(database(), [bad])
    expect(failed.files[0]!.status).toBe('failed')
    expect((await importAgain(database(), failed.files[0]!.id!, [])).files[0]).toMatchObject({ status: 'failed' })
    await writeFile(bad, csv(5))
    expect((await importAgain(database(), failed.files[0]!.id!, [])).files[0]).toMatchObject({ status: 'completed' })

    const cut = join(folder, 'cut.csv')
    await writeFile(cut, csv(7, 8))
    armFailpoint('batch.created=error')
    await expect(importFiles(database(), [cut], { timezone: 'Asia/Tokyo' })).rejects.toThrow('failpoint')
    armFailpoint(undefined)
    const [left] = await listBatches(database(), { status: 'loading' })
    expect((await importAgain(database(), left!.id, [])).files[0]).toMatchObject({ id: left!.id, status: 'completed' })
    expect(path).not.toBe(cut)
  }))

test('of a stream the file must be named; of events over HTTP there is none; standard input cannot be read twice', () =>
  withBatch(csv(1), {}, async (_, path, folder) => {
    const streamed = await importFiles(database(), ['-'], { stdin: Readable.from([Buffer.from(csv(4))]) })
    const batch = streamed.files[0]!.id!
    expect((await errorOf(() => importAgain(database(), batch, []))).code).toBe('no_input_files')
    expect((await errorOf(() => importAgain(database(), batch, ['-']))).code).toBe('usage')
    expect((await errorOf(() => importAgain(database(), batch, [folder]))).code).toBe('usage')
    expect((await errorOf(() => importAgain(database(), batch, [path, path]))).code).toBe('usage')
    expect((await errorOf(() => importAgain(database(), 999, []))).code).toBe('batch_not_found')
    const saved = join(folder, 'saved.csv.gz')
    await writeFile(saved, gzipSync(csv(4)))
    expect(await importAgain(database(), batch, [saved])).toMatchObject({
      undone: { removed: 1 },
      files: [{ file: saved, status: 'completed', inserted: 1 }],
    })
    const { rows } = await sql<{ id: number }>`
      INSERT INTO ${database().t.import_batches} (source, file, status, reading, chunk_bytes, hour, sender)
      VALUES ('http', 'http:site', 'completed', '{}', 1, now(), 'anonymous') RETURNING id`.execute(database().q)
    expect(await errorOf(() => importAgain(database(), rows[0]!.id, []))).toMatchObject({
      code: 'usage',
      message: expect.stringContaining('HTTP'),
    })
  }))
