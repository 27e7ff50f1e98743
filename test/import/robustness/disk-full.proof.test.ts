/**
 * A disk that is full in the middle of an import: a clear error, and when there is room again the same import goes on to
 * the same result. The data folder lies on a small file system in memory, which only root can mount.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Database, withPool } from '../../../src/lib/db/connect.js'
import { stopEmbedded, withEmbeddedServer } from '../../../src/lib/db/embedded/server.js'
import { importFiles } from '../../../src/lib/import/import.js'
import { ea, eaProcess } from '../../support/binary.js'
import { expectSound } from '../../support/import/import-state.js'
import { withFreshDatabase } from '../../support/postgres/database.js'
import { temporaryFolder } from '../../support/postgres/server.js'

const events = 250_000
const run = (program: string, ...args: string[]) => spawnSync(program, args, { encoding: 'utf8' })

let folder: string
let file: string
let undisturbed: unknown

/** Why this machine cannot run these tests; undefined when it can. */
function obstacle(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'only root on Linux can mount a small disk'
  const probe = `/tmp/ea-test-mount-${process.pid}`
  mkdirSync(probe)
  const mounted = run('mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', probe)
  run('umount', probe)
  run('rmdir', probe)
  return mounted.status === 0 ? undefined : `cannot mount a small disk here: ${mounted.stderr || mounted.error}`
}
const why = obstacle()

beforeAll(async () => {
  if (why !== undefined) return
  folder = await temporaryFolder()
  file = `${folder}/events.csv`
  expect((await ea(['generate', '--events', String(events), '--output', file])).code).toBe(0)
  undisturbed = await withFreshDatabase(async (db) => {
    await importFiles(db, [file])
    return fingerprint(db)
  })
})

afterAll(async () => {
  if (why === undefined) await rm(folder, { recursive: true, force: true })
})

/** Tells any two contents of the tables apart. */
async function fingerprint(db: Database): Promise<unknown> {
  const { t } = db
  const { rows } = await sql`
    SELECT (SELECT sum(hashtextextended((event_id, occurred_at, user_id, event_type, properties)::text, 0)) FROM ${t.events}) AS events,
           (SELECT sum(hashtextextended(u::text, 0)) FROM ${t.user_days} u) AS user_days,
           (SELECT sum(hashtextextended(d::text, 0)) FROM ${t.days} d) AS days,
           (SELECT sum(hashtextextended(e::text, 0)) FROM ${t.event_type_days} e) AS event_type_days`.execute(db.q)
  return rows
}

/** Where the disk is full: early, and with much of the file merged; on both ways into the events. */
const cases = [85, 130].flatMap((megabytes) => ['auto', 'staged'].map((load) => [megabytes, load] as const))

test.skipIf(why !== undefined).each(cases)('with %d MB, then with enough, --load %s', async (megabytes, load) => {
  const disk = `${folder}/disk${megabytes}${load}`
  const dataDir = `${disk}/data`
  mkdirSync(disk)
  expect(run('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m,mode=711`, 'tmpfs', disk).status).toBe(0)
  try {
    // Processes of their own: a lease that a crash of the server leaves behind is recognised by its process, which is gone.
    const importAll = () => eaProcess(['import', file, '--json', '--load', load], { env: { EA_DATA_DIR: dataDir } })
    // Also the second time: a full disk is full, and each try says so.
    for (let time = 0; time < 2; time++) {
      const full = await importAll()
      expect({ ...JSON.parse(full.stdout).error, exit: full.code }).toMatchObject({
        code: 'disk_full',
        exit: 5,
        message: expect.stringContaining('No space left on device'),
      })
    }
    expect(run('mount', '-o', 'remount,size=900m', disk).status).toBe(0)
    const again = await importAll()
    expect(JSON.parse(again.stdout)).toMatchObject({
      totals: { read: events, inserted: events, duplicates: 0, rejected: 0 },
    })
    await withEmbeddedServer(dataDir, (url) =>
      withPool({ url, schema: 'ea' }, async (db) => {
        await expectSound(db)
        expect(await fingerprint(db)).toEqual(undisturbed)
      }),
    )
  } finally {
    await stopEmbedded({ schema: 'ea', dataDir }, { force: true })
    run('umount', disk)
  }
})
