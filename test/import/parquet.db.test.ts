/** Parquet is imported as NDJSON of its rows would be, without losing a digit, and each file once by its bytes. */
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { importFiles } from '../../src/lib/import/import.js'
import { inspectFile } from '../../src/lib/import/inspect.js'
import { findSources } from '../../src/lib/import/source/find-sources.js'
import { withSource } from '../../src/lib/import/source/source.js'
import { parseMap } from '../../src/lib/load/mapping/map-parser.js'
import { zipOf } from '../support/import/archives.js'
import { writeParquet } from '../support/import/parquet.js'
import { sharedDatabase } from '../support/postgres/shared-database.js'
import { errorOf, withScratchFolder } from '../support/temp-dir.js'
import { codesOf, empty, importPath, storedEvents } from './import-helpers.js'

const database = sharedDatabase()

/** The lines that a query becomes on its way through Parquet. */
async function linesOf(query: string, name = 'x.parquet'): Promise<string[]> {
  return withScratchFolder(async (folder) => {
    const path = join(folder, name)
    await writeParquet(path, query)
    return withSource(path, {}, async (source) => {
      const blocks: Buffer[] = []
      for await (const block of source.stream()) blocks.push(block)
      expect(source.sha256()).toEqual(
        createHash('sha256')
          .update(await readFile(path))
          .digest(),
      )
      expect(source.progress().readBytes).toBe(source.progress().totalBytes)
      return Buffer.concat(blocks).toString().split('\n').slice(0, -1)
    })
  })
}

const events = (rows: number) => `
  SELECT ('00000000-0000-4000-8000-' || lpad(i::VARCHAR, 12, '0'))::UUID AS event_id,
         TIMESTAMPTZ '2025-01-01 00:00:00.000001+00' + to_seconds(i) AS occurred_at,
         'u' || (i % 7) AS user_id, 'view' AS event_type, {n: i, tags: ['a', NULL]} AS properties
    FROM range(${rows}) t(i)`

test('rows are events, in their order, once by the bytes of the file', async () => {
  await empty(database())
  await withScratchFolder(async (folder) => {
    const path = join(folder, 'x.parquet')
    await writeParquet(path, events(10_000))
    const { outcome } = await importPath(database(), path)
    const sha256 = createHash('sha256')
      .update(await readFile(path))
      .digest('hex')
    expect(outcome).toMatchObject({ status: 'completed', read: 10_000, inserted: 10_000, sha256 })
    const stored = await storedEvents(database())
    expect(stored[9_999]).toEqual({
      event_id: '00000000-0000-4000-8000-000000009999',
      occurred_at: '2025-01-01T02:46:39.000001',
      user_id: 'u3',
      event_type: 'view',
      properties: '{"n": 9999, "tags": ["a", null]}',
    })
    expect((await importFiles(database(), [path, folder])).files.map(({ status }) => status)).toEqual([
      'already_imported',
    ])
  })
})

test('every type comes as it is, and no digit is lost', async () => {
  const values: [string, string][] = [
    [`123456789012345678901234567890.12345678::DECIMAL(38, 8)`, '123456789012345678901234567890.12345678'],
    [`[1234567890123456.78::DECIMAL(18, 2), NULL]`, '[1234567890123456.78,null]'],
    [`{d: 12345678901234567890123456789.1::DECIMAL(38, 1)}`, '{"d":12345678901234567890123456789.1}'],
    [`9223372036854775807`, '9223372036854775807'],
    [`18446744073709551615::UBIGINT`, '18446744073709551615'],
    [`true`, 'true'],
    [`NULL::VARCHAR`, 'null'],
    [`0.1::FLOAT`, '0.1'],
    [`1e-7::DOUBLE`, '1e-07'],
    [`'nan'::DOUBLE`, '"nan"'],
    [`'-inf'::FLOAT`, '"-inf"'],
    [`TIMESTAMP '1960-02-03 04:05:06.123456'`, '"1960-02-03T04:05:06.123456"'],
    [`TIMESTAMPTZ '1960-02-03 04:05:06.123456+02:30'`, '"1960-02-03T01:35:06.123456Z"'],
    [`[TIMESTAMPTZ '2025-07-01 00:00:00+00']`, '["2025-07-01T00:00:00Z"]'],
    [`TIMESTAMP_NS '2020-01-01 00:00:00.123456789'`, '"2020-01-01T00:00:00.123456789"'],
    [`DATE '1950-01-01'`, '"1950-01-01"'],
    [`'6f4d527b-fe98-11e8-a527-0205484b2e01'::UUID`, '"6f4d527b-fe98-11e8-a527-0205484b2e01"'],
    [`'plain'::BLOB`, '"plain"'],
    [`'a"b\\c' || chr(10) || 'é 日 😀'`, '"a\\"b\\\\c\\né 日 😀"'],
    [`{"it's ""x""": {a: [[1, NULL], NULL]}, e: NULL::INTEGER}`, '{"it\'s \\"x\\"":{"a":[[1,null],null]},"e":null}'],
    [`NULL::STRUCT(a INTEGER)`, 'null'],
    [`[{a: 1}, NULL]`, '[{"a":1},null]'],
    [`MAP {'k"1': 1.50::DECIMAL(5, 2), 'k2': NULL}`, '{"k\\"1":1.50,"k2":null}'],
    [`MAP {TIMESTAMP '2025-01-01': [DATE '2025-01-02']}`, '{"2025-01-01 00:00:00":["2025-01-02"]}'],
    [
      `'{"n": 123456789012345678901234567890.5,' || chr(10) || ' "a": [1]}'`,
      '"{\\"n\\": 123456789012345678901234567890.5,\\n \\"a\\": [1]}"',
    ],
    [
      `('{"n": 123456789012345678901234567890.5,' || chr(10) || ' "a": [1]}')::JSON`,
      '{"n": 123456789012345678901234567890.5,  "a": [1]}',
    ],
    [`'x'::ENUM('x', 'y')`, '"x"'],
    [`[]::INTEGER[]`, '[]'],
  ]
  const [line] = await linesOf(`SELECT ${values.map(([value], n) => `${value} AS "c ""${n}"`).join(', ')}`)
  expect(line).toBe(`{${values.map(([, json], n) => `"c \\"${n}":${json}`).join(',')}}`)
  JSON.parse(line!)
})

test('the file that is named is read, and nothing of its path becomes a column', async () => {
  for (const name of ['a*b.parquet', 'a[1]?.parquet', "it's {a,b}.parquet", 'year=2024/x.parquet']) {
    expect(await linesOf('SELECT 1 AS a', name)).toEqual(['{"a":1}'])
  }
  await withScratchFolder(async (folder) => {
    await writeParquet(join(folder, 'a*b.parquet'), 'SELECT 1 AS a')
    await writeParquet(join(folder, 'a2b.parquet'), 'SELECT 2 AS a')
    await withSource(join(folder, 'a*b.parquet'), {}, async ({ head }) => expect(head.toString()).toBe('{"a":1}\n'))
  })
  expect(await linesOf('SELECT 1 AS a WHERE false')).toEqual([])
})

test('a reject has the number of its row', async () => {
  await empty(database())
  await withScratchFolder(async (folder) => {
    const path = join(folder, 'x.parquet')
    await writeParquet(path, events(3_000).replace(`'view'`, `CASE i WHEN 2500 THEN NULL ELSE 'view' END`))
    const imported = await importPath(database(), path)
    const codes = codesOf(imported)
    expect(codes.flatMap((code, index) => (code === null ? [] : [[index + 1, code]]))).toEqual([
      [2501, 'missing_event_type'],
    ])
  })
})

test('inspect proposes a mapping, and JSON in a text can be mapped', async () => {
  await withScratchFolder(async (folder) => {
    const path = join(folder, 'x.parquet')
    await writeParquet(path, events(20).replace('event_id', 'uuid').replace('occurred_at', '"timestamp"'))
    const found = await inspectFile(database(), path)
    expect(found.why).toContain('Parquet: each row is a line of JSON, made by DuckDB')
    expect(found.dialect).toMatchObject({ format: 'ndjson' })
    expect(found.proposal!.flags).toContain('event_id=uuid,occurred_at=timestamp')
    await empty(database())
    const { outcome } = await importPath(database(), path, { map: parseMap('event_id=uuid,occurred_at=timestamp') })
    expect(outcome).toMatchObject({ status: 'completed', inserted: 20 })
  })
})

test('a file that is damaged or cut off stores nothing', async () => {
  await empty(database())
  await withScratchFolder(async (folder) => {
    const path = join(folder, 'x.parquet')
    await writeParquet(path, events(5_000))
    const good = await readFile(path)
    const middle = Math.floor(good.length / 3)
    for (const bad of [
      good.subarray(0, 500),
      good.subarray(0, good.length - 1),
      Buffer.concat([good.subarray(0, middle), Buffer.alloc(2_000, 0xff), good.subarray(middle + 2_000)]),
    ]) {
      await writeFile(path, bad)
      const code = await importFiles(database(), [path]).then(
        ({ files }) => files[0]!.error?.code,
        (error: { code: string }) => error.code,
      )
      expect(code).toBe('file_corrupt')
    }
    const { rows } =
      await sql`SELECT FROM ${database().t.events} e JOIN ${database().t.import_batches} b ON b.id = e.batch_id
                                WHERE b.status = 'completed'`.execute(database().q)
    expect(rows).toEqual([])
  })
})

test('only from a file of its own', async () => {
  await withScratchFolder(async (folder) => {
    const path = join(folder, 'x.parquet')
    await writeParquet(path, events(1))
    const zip = join(folder, 'x.zip')
    await writeFile(zip, await zipOf({ 'x.parquet': await readFile(path), 'a.csv': '' }))
    expect(await findSources([folder])).toEqual({
      sources: [path, `${zip}/a.csv`],
      leftOut: [{ folder: zip, files: ['x.parquet'] }],
    })
    const error = await errorOf(() => importFiles(database(), [`${zip}/x.parquet`]))
    expect(error).toMatchObject({ code: 'not_recognised', suggestions: [expect.stringContaining('a file of its own')] })
  })
})
