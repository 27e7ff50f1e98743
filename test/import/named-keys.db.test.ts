/** Keys that flags name and no record has: said before anything is imported, as of a CSV that lacks a column. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { importFiles } from '../../src/lib/import/import.js'
import { inspectFile } from '../../src/lib/import/inspect.js'
import type { ImportOptions } from '../../src/lib/import/options.js'
import { findNamedKeys } from '../../src/lib/import/reading/named-keys.js'
import { parseIdFrom, parseMap } from '../../src/lib/load/mapping/map-parser.js'
import { sharedDatabase } from '../support/postgres/shared-database.js'
import { errorOf, withScratchFolder } from '../support/temp-dir.js'
import { empty, importInto } from './import-helpers.js'

const database = sharedDatabase()
const at = '2025-01-31T10:20:30Z'
const records = Array.from({ length: 3 }, (_, n) => ({
  insert_id: `i${n}`,
  occurred_at: at,
  event_type: 'view',
  user_id: `u${n}`,
  anonymous_id: 'a',
  'ctx.id': n,
  properties: { $insert_id: n },
}))

describe('a key that none of the first records has', () => {
  const warningsOf = (map: string) => findNamedKeys(records, { map: parseMap(map) }).warnings
  const idOf = (idFrom: string) => findNamedKeys(records, { idFrom: parseIdFrom(idFrom) })

  test('of --map is named, with the one that was meant', () => {
    expect(warningsOf('user_id=userid|anonymous_id')).toEqual([
      '--map user_id names a key that none of the first 3 records has: userid. Perhaps: --map user_id=user_id',
    ])
    expect(warningsOf('event_id=ctx.id,user_id=user_id|anonymous_id')).toEqual([
      `--map event_id names a key that none of the first 3 records has: ctx.id. Perhaps: --id-from '"ctx.id"'`,
    ])
    const uuids = records.map((record, n) => ({ ...record, 'ctx.id': `00000000-0000-4000-8000-00000000000${n}` }))
    expect(findNamedKeys(uuids, { map: parseMap('event_id=ctx.id') }).warnings[0]).toContain(
      `Perhaps: --map event_id='"ctx.id"'`,
    )
    expect(warningsOf('properties=propertees,event_id=properties.$insert_id')).toHaveLength(1)
    expect(warningsOf('event_id="ctx.id",properties=properties')).toEqual([])
  })

  test('of --id-from leaves the records without an id when there is no other', () => {
    const { idIsMissing } = idOf('insertId')
    expect(idIsMissing!.error).toMatchObject({
      code: 'missing_column',
      suggestions: ['Perhaps: --id-from insert_id'],
      details: { missing: ['insertId'] },
    })
    expect(idOf('$insert_id').idIsMissing!.error.suggestions).toEqual(["Perhaps: --id-from 'properties.$insert_id'"])
    expect(idOf('nothing.like.it').idIsMissing!.error.suggestions[0]).toMatch(/--id-from '\*'/)
    expect(idOf('insert_id,order')).toMatchObject({
      warnings: ['--id-from names a key that none of the first 3 records has: order.'],
      idIsMissing: null,
    })
    for (const idFrom of ['insert_id', '*', 'properties.$insert_id', '"ctx.id",#']) {
      expect(idOf(idFrom)).toEqual({ warnings: [], idIsMissing: null })
    }
  })

  test('is looked for like PostgreSQL does, and null is a value', () => {
    const one = [{ a: [{ b: null }], c: { '0': 1 } }]
    const absent = (path: string) => findNamedKeys(one, { map: parseMap(`user_id=${path}`) }).warnings.length
    expect(['a.0.b', 'a.-1', 'c.0', 'a'].map(absent)).toEqual([0, 0, 0, 0])
    expect(['a.1', 'a.b', 'c.-1', 'a.0.b.x'].map(absent)).toEqual([1, 1, 1, 1])
    expect(findNamedKeys([], { map: parseMap('user_id=x'), idFrom: parseIdFrom('y') }).warnings).toEqual([])
  })
})

describe.each([
  ['ndjson', records.map((record) => JSON.stringify(record)).join('\n')],
  ['json-array', JSON.stringify(records, null, 1)],
] as const)('an import of %s', (format, content) => {
  test('warns of --map and goes on', async () => {
    const events: unknown[] = []
    const options: ImportOptions = {
      format,
      map: parseMap('user_id=userid|anonymous_id'),
      idFrom: parseIdFrom('insert_id'),
      onEvent: (event) => event.type === 'warning' && events.push(event.message),
    }
    const { outcome } = await importInto(database(), content, options)
    expect(outcome).toMatchObject({ inserted: 3, warnings: [expect.stringMatching(/userid/)] })
    expect(events).toEqual(outcome.warnings)
  })

  test('refuses an id from nothing, unless so many records may be rejected; inspect says so, too', async () => {
    await empty(database())
    await withScratchFolder(async (folder) => {
      const path = join(folder, 'events.json')
      await writeFile(path, content)
      const options: ImportOptions = { format, idFrom: parseIdFrom('insertId') }
      const error = await errorOf(() => importFiles(database(), [path], options))
      expect(error.code).toBe('missing_column')
      const dry = await errorOf(() => importFiles(database(), [path], { ...options, dryRun: true }))
      expect(dry.code).toBe('missing_column')
      const found = await inspectFile(database(), path, options)
      expect(found.error?.code).toBe('missing_column')
      expect(found.records.map(({ code }) => code)).toEqual(records.map(() => 'missing_event_id'))
      const { files } = await importFiles(database(), [path], { ...options, maxRejects: { records: 3 } })
      expect(files[0]).toMatchObject({ inserted: 0, rejected: 3, reasons: [{ code: 'missing_event_id', count: 3 }] })
      expect(files[0]!.warnings).toHaveLength(1)
    })
  })
})
