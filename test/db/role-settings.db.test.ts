/**
 * A role with settings of its own: whatever it prefers, the same is stored and answered, and nothing that writes is
 * refused. The role gets them by ALTER ROLE, as an administrator gives them.
 */
import { rm } from 'node:fs/promises'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { listBatches } from '../../src/lib/batches/batches.js'
import { withLease } from '../../src/lib/batches/lease.js'
import { undoBatch } from '../../src/lib/batches/undo.js'
import { type Database, withPool } from '../../src/lib/db/connect.js'
import { importFiles } from '../../src/lib/import/import.js'
import { createKey, revokeKey } from '../../src/lib/keys/keys.js'
import { verifyRollups } from '../../src/lib/rollups/verify.js'
import { dau } from '../../src/lib/stats/dau.js'
import { funnel } from '../../src/lib/stats/funnel.js'
import { retention } from '../../src/lib/stats/retention.js'
import { stickiness } from '../../src/lib/stats/stickiness.js'
import { topEvents } from '../../src/lib/stats/top-events.js'
import { trend } from '../../src/lib/stats/trend.js'
import { records, writeCsv } from '../support/import/import-data.js'
import { dump } from '../support/import/import-state.js'
import { admin, freshDatabase } from '../support/postgres/database.js'
import { temporaryFolder } from '../support/postgres/server.js'

const role = `ea_odd_${process.pid}`
let folder: string
let plain: { url: string; drop: () => Promise<void> }
let odd: { url: string; drop: () => Promise<void> }
let files: string[]

/** What changes a text or what a statement means, and what forbids or ends statements. */
const meanings = {
  default_transaction_read_only: 'on',
  default_transaction_isolation: 'serializable',
  extra_float_digits: '-15',
  DateStyle: 'SQL, DMY',
  IntervalStyle: 'sql_standard',
  TimeZone: 'Pacific/Auckland',
  bytea_output: 'escape',
  search_path: 'evil, pg_catalog',
  standard_conforming_strings: 'off',
  transform_null_equals: 'on',
  array_nulls: 'off',
  quote_all_identifiers: 'on',
  exit_on_error: 'on',
  statement_timeout: '1h',
  lock_timeout: '1ms',
  idle_in_transaction_session_timeout: '1ms',
  client_encoding: 'LATIN1',
  row_security: 'off',
  synchronous_commit: 'off',
} as const

/** What changes a plan, in groups that do not hide each other. */
const plans = [
  { enable_hashagg: 'off', enable_hashjoin: 'off', enable_indexonlyscan: 'off', enable_bitmapscan: 'off' },
  { enable_indexscan: 'off', enable_material: 'off', join_collapse_limit: '1', from_collapse_limit: '1' },
  {
    jit: 'on',
    jit_above_cost: '0',
    debug_parallel_query: 'on',
    parallel_setup_cost: '0',
    parallel_tuple_cost: '0',
    min_parallel_table_scan_size: '0',
    work_mem: '64kB',
    plan_cache_mode: 'force_generic_plan',
  },
] as const

beforeAll(async () => {
  folder = await temporaryFolder()
  plain = await freshDatabase()
  odd = await freshDatabase()
  files = [
    writeCsv(`${folder}/one.csv`, records(1, { count: 300, ids: [0, 250], repeats: 20, broken: 2 })),
    writeCsv(`${folder}/two.csv`, records(2, { count: 100, ids: [200, 400] })),
  ]
  await admin(odd.url, `CREATE ROLE ${role} LOGIN SUPERUSER`)
  const url = new URL(odd.url)
  url.username = role
  odd = { ...odd, url: url.toString() }
})

afterAll(async () => {
  await plain.drop()
  await odd.drop()
  await admin(inject('serverUrl'), `DROP ROLE ${role}`)
  await rm(folder, { recursive: true, force: true })
})

async function prefer(settings: object): Promise<void> {
  const server = inject('serverUrl')
  await admin(server, `ALTER ROLE ${role} RESET ALL`)
  for (const [name, value] of Object.entries(settings as Record<string, string>)) {
    const list = name === 'search_path' ? value : `'${value}'`
    await admin(server, `ALTER ROLE ${role} SET ${name} = ${list}`)
  }
}

const on = <T>(url: string, use: (db: Database) => Promise<T>) => withPool({ url, schema: 'ea' }, use)

/** Imports, undoes and asks: what is stored and what is answered, without what the clock says. */
async function lived(db: Database) {
  const options = { chunkBytes: 2_000, maxRejects: { records: 50 }, jobs: 2 } as const
  await importFiles(db, files, options)
  await importFiles(db, [files[1]!], { ...options, force: true, atomic: true })
  await undoBatch(db, 2)
  const { record } = await createKey(db, { name: `k${Math.random()}`, scopes: ['read'] })
  await revokeKey(db, record.name)
  return answers(db)
}

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

async function answers(db: Database) {
  const range = { from: '2025-02-20', to: '2025-04-01', asOf: '2025-05-01T00:00:00Z' }
  const results = [
    await dau(db, range),
    await dau(db, { ...range, tz: 'Europe/Kyiv', segment: ['properties.content>=3'] }),
    await trend(db, { ...range, grain: 'hour' }),
    await topEvents(db, range),
    await topEvents(db, { ...range, tz: 'Europe/Kyiv' }),
    await stickiness(db, range),
    await retention(db, { asOf: range.asOf, windows: 4 }),
    await funnel(db, { ...range, step: ['view', 'click', 'purchase'] }),
  ]
  const batches = (await listBatches(db)).map(({ created_at, finished_at, seconds, ...batch }) => ({
    ...batch,
    whole: instant.test(created_at) && instant.test(finished_at!) && seconds >= 0,
  }))
  return { results, batches, stored: await dump(db), differences: await verifyRollups(db) }
}

test('settings that change a text, a meaning or what is allowed change nothing', async () => {
  const expected = await on(plain.url, lived)
  await prefer(meanings)
  expect(await on(odd.url, lived)).toEqual(expected)
})

test('settings that change a plan change no answer', async () => {
  await prefer({})
  const expected = await on(odd.url, answers)
  for (const settings of plans) {
    await prefer(settings)
    expect([settings, await on(odd.url, answers)]).toEqual([settings, expected])
  }
})

test('the heart of a lease beats under a role that only reads by default', async () => {
  await prefer({ default_transaction_read_only: 'on' })
  await on(odd.url, (db) =>
    withLease(db, { doing: 'test' }, async ({ lost }) => {
      const beat = () => sql`SELECT heartbeat_at FROM ${db.t.import_lease}`.execute(db.q)
      const { rows } = await beat()
      await expect.poll(async () => (await beat()).rows).not.toEqual(rows)
      expect(lost.aborted).toBe(false)
    }),
  )
})
