/** Duplicates with other content: counted, named, and the same whatever the way of loading. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { getBatch } from '../../src/lib/batches/batches.js'
import { differencesPage } from '../../src/lib/batches/differences.js'
import { undoBatch } from '../../src/lib/batches/undo.js'
import type { ImportOptions } from '../../src/lib/import/options.js'
import { csvOf, empty, eventHeader, importInto, importPath } from '../import/import-helpers.js'
import { sharedDatabase } from '../support/postgres/shared-database.js'
import { withScratchFolder } from '../support/temp-dir.js'

const database = sharedDatabase()
const idOf = (n: number) => `a0eebc99-9c0b-4ef8-bb6d-${String(n).padStart(12, '0')}`
const at = '2025-01-31T10:20:30Z'
const row = (n: number, change: Partial<Record<'at' | 'user' | 'type' | 'properties', string>> = {}) => [
  idOf(n),
  change.at ?? at,
  change.user ?? 'u',
  change.type ?? 'view',
  change.properties ?? '{"a": 1, "b": [1.0]}',
]

const stored = [row(1), row(2), row(3), row(4)]
const again = [
  row(1, { at: '2025-01-31T11:20:30+01:00', properties: '{"b":[1],"a":1}' }),
  row(2, { at: '2025-01-31T10:20:31Z' }),
  row(5),
  row(3, { user: 'v', type: 'click' }),
  row(4, { properties: '{"a": 2}' }),
  row(5),
  row(5, { user: 'w' }),
  row(6),
  row(2),
]
const differences = [
  { record: 2, event_id: idOf(2), differs_in: 'occurred_at' },
  { record: 4, event_id: idOf(3), differs_in: 'user_id, event_type' },
  { record: 5, event_id: idOf(4), differs_in: 'properties' },
  { record: 7, event_id: idOf(5), differs_in: 'user_id' },
]

/** Imports one content after another into an empty database; the answers of the last. */
async function importBoth(options: ImportOptions, second = csvOf([[...eventHeader], ...again])) {
  await importInto(database(), csvOf([[...eventHeader], ...stored]))
  return withScratchFolder(async (folder) => {
    const path = join(folder, 'again.csv')
    await writeFile(path, second)
    return importPath(database(), path, options)
  })
}

describe('a duplicate with other content', () => {
  test.each<[string, ImportOptions]>([
    ['in one chunk', {}],
    ['in chunks of a record each', { chunkBytes: 1, jobs: 1 }],
    ['in one transaction', { atomic: true, chunkBytes: 300 }],
    ['in a dry run', { dryRun: true }],
    ['in a dry run of small chunks', { dryRun: true, chunkBytes: 1 }],
  ])('is counted %s', async (_, options) => {
    const { outcome } = await importBoth(options)
    expect(outcome).toMatchObject({ read: 9, inserted: 2, duplicates: 7, differing: 4, rejected: 0 })
    if (outcome.id === null) return
    expect(await getBatch(database(), outcome.id)).toMatchObject({ duplicates: 7, differing: 4 })
    const page = await differencesPage(database(), outcome.id)
    expect(page.data).toMatchObject(differences)
    expect(page.data[0]).toMatchObject({ line: 3, stored_by_batch: outcome.id - 1 })
    expect(page.meta).toMatchObject({ duplicates: 7, differing: 4, listed: 4 })
  })

  test('is found within a file of new ids', async () => {
    const content = csvOf([[...eventHeader], row(1), row(2), row(1), row(1, { user: 'v' }), row(3)])
    const { outcome } = await importInto(database(), content)
    expect(outcome).toMatchObject({ inserted: 3, duplicates: 2, differing: 1 })
    const json = await importInto(
      database(),
      `{"event_id":"${idOf(1)}","occurred_at":"${at}","user_id":"u","event_type":"t","x":1}\n{"event_id":"${idOf(1)}","occurred_at":"${at}","user_id":"u","event_type":"t","x":2}`,
      {},
      'a.ndjson',
    )
    expect(json.outcome).toMatchObject({ inserted: 1, duplicates: 1, differing: 1 })
  })

  test('is not counted where everything is the same, nor when the import fails', async () => {
    const same = await importBoth({ force: true }, csvOf([[...eventHeader], ...stored]))
    expect(same.outcome).toMatchObject({ duplicates: 4, differing: 0 })
    const failed = await importBoth({ maxRejects: { records: 0 } }, csvOf([[...eventHeader], ...again, ['bad']]))
    expect(failed.outcome).toMatchObject({ status: 'failed', duplicates: 0, differing: 0 })
    expect((await differencesPage(database(), failed.outcome.id!)).data).toEqual([])
  })

  test('stays listed when the owner of the stored event is undone', async () => {
    const { outcome } = await importBoth({})
    await undoBatch(database(), outcome.id! - 1)
    const { data } = await differencesPage(database(), outcome.id!)
    expect(data.map(({ stored_by_batch: owner }) => owner)).toEqual([null, null, null, outcome.id])
  })
})

describe('a key at the top of a record that its properties have with another value', () => {
  const records = [
    { country: 'UA', properties: { country: 'PL' } },
    { country: 'UA', properties: { country: 'UA' } },
    { country: 'UA', plan: { a: 1 }, properties: { country: 'PL', plan: { a: 1, b: 2 } } },
    { country: 'UA' },
    { properties: { country: 'PL' } },
  ].map((given, n) => ({ event_id: idOf(n), occurred_at: at, user_id: 'u', event_type: 't', ...given }))
  const warning =
    'The properties have another value than the column or key of the same name, and theirs is kept: country (2 records), plan (1 record)'

  test.each<[string, ImportOptions]>([
    ['', {}],
    [' in small chunks', { chunkBytes: 1 }],
    [' in one transaction', { atomic: true }],
    [' in a dry run', { dryRun: true }],
  ])('is counted in a warning%s', async (_, options) => {
    const content = records.map((record) => JSON.stringify(record)).join('\n')
    const { outcome, events } = await importInto(database(), content, options, 'a.ndjson')
    expect(outcome.warnings).toEqual([warning])
    if (!options.dryRun) expect(events[0]!.properties).toBe('{"country": "PL"}')
  })

  test('of a CSV, and of one that repeats ids', async () => {
    const header = [...eventHeader, 'country']
    const rows = [
      [...row(1, { properties: '{"country":"PL"}' }), 'UA'],
      [...row(2, { properties: '{"country":"UA"}' }), 'UA'],
    ]
    await empty(database())
    const { outcome } = await importInto(database(), csvOf([header, ...rows]))
    expect(outcome.warnings).toEqual([expect.stringMatching(/country \(1 record\)$/)])
    const both = await importBoth({}, csvOf([header, ...rows, [...row(9, { properties: '{"country":"PL"}' }), 'UA']]))
    expect(both.outcome.warnings).toEqual([expect.stringMatching(/country \(2 records\)$/)])
  })
})
