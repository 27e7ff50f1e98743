/** Roles with just the rights that the error of a role without them names. */
import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { undoBatch } from '../../src/lib/batches/undo.js'
import type { EaError } from '../../src/lib/core/errors.js'
import { sqlState, withTransaction } from '../../src/lib/db/connect.js'
import { type OpenOptions, withDatabase } from '../../src/lib/db/open.js'
import { readingGrants, writingGrants } from '../../src/lib/db/rights.js'
import { importFiles } from '../../src/lib/import/import.js'
import { createKey } from '../../src/lib/keys/keys.js'
import { rebuildRollups } from '../../src/lib/rollups/rebuild.js'
import { verifyRollups } from '../../src/lib/rollups/verify.js'
import { dau } from '../../src/lib/stats/dau.js'
import { records, writeCsv } from '../support/import/import-data.js'
import { admin, freshDatabase } from '../support/postgres/database.js'
import { temporaryFolder } from '../support/postgres/server.js'

const reader = `ea_reader_${process.pid}`
const writer = `ea_writer_${process.pid}`
let folder: string
let file: string
let url: string
let drop: () => Promise<void>

beforeAll(async () => {
  folder = await temporaryFolder()
  file = writeCsv(`${folder}/events.csv`, records(1, { count: 300, ids: [0, 250], repeats: 20 }))
  ;({ url, drop } = await freshDatabase())
  for (const role of [reader, writer]) await admin(url, `CREATE ROLE ${role} LOGIN`)
})

afterAll(async () => {
  for (const role of [reader, writer]) await admin(url, `DROP OWNED BY ${role}; DROP ROLE ${role}`)
  await drop()
  await rm(folder, { recursive: true, force: true })
})

function as<T>(role: string, use: Parameters<typeof withDatabase<T>>[1], options?: OpenOptions): Promise<T> {
  const address = new URL(url)
  address.username = role
  return withDatabase({ databaseUrl: address.toString(), schema: 'ea', dataDir: '' }, use, options)
}

test('the rights that are named are enough, and what is missing is named', async () => {
  const refused = (await as(reader, (db) => dau(db)).catch((error: EaError) => error)) as EaError
  expect(refused).toMatchObject({ code: 'database_refused', exitCode: 5 })
  expect(refused.message).toContain('permission denied for schema ea')
  expect(refused.suggestions[0]).toBe(`To ask questions: ${readingGrants('ea', reader).join('; ')}`)
  expect(refused.suggestions[1]).toBe(`To import, undo and serve: ${writingGrants('ea', reader).join('; ')}`)

  for (const grant of [...readingGrants('ea', reader), ...writingGrants('ea', writer)]) await admin(url, grant)
  const options = { chunkBytes: 2_000, jobs: 2 } as const
  await as(writer, async (db) => {
    const { files } = await importFiles(db, [file], options)
    expect(files[0]).toMatchObject({ status: 'completed', rejected: 0 })
    await importFiles(db, [file], { ...options, force: true })
    await undoBatch(db, files[0]!.id!)
    await importFiles(db, [file], { ...options, force: true, atomic: true })
    await withTransaction(db, (tx) => rebuildRollups(tx))
    await createKey(db, { name: 'web', scopes: ['write'] })
  })
  await as(reader, async (db) => {
    expect((await dau(db)).data.length).toBeGreaterThan(0)
    expect(await verifyRollups(db)).toEqual([])
  })
  const written = (await as(reader, (db) => importFiles(db, [file], { ...options, force: true })).catch(
    (error: EaError) => error,
  )) as EaError
  expect(written).toMatchObject({ code: 'database_refused' })
  expect(sqlState(written.cause)).toBe('42501')
})
