/** What can happen to the files of a column store, and that no answer is ever wrong for it. */
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterEach, expect, test } from 'vitest'
import { addColumns, columnsState, removeColumns } from '../../src/lib/columns/add-remove.js'
import { buildColumns } from '../../src/lib/columns/build.js'
import { armFailpoint } from '../../src/lib/core/failpoint.js'
import type { Database } from '../../src/lib/db/connect.js'
import { dau } from '../../src/lib/stats/dau.js'
import { storeEvents } from '../support/events.js'
import { withFreshDatabase } from '../support/postgres/database.js'
import { errorOf, withScratchFolder } from '../support/temp-dir.js'

afterEach(() => armFailpoint(undefined))

const day = (user: string, country: string) => ({ at: '2025-08-01T10:00:00Z', user, properties: { country } })
const question = { segment: ['properties.country:UA'], tz: 'Europe/Kyiv' }

/** Runs `use` with a store of one batch in which ann and bob are of UA, in files of one chunk each. */
async function withStore(use: (db: Database, folder: string) => Promise<void>): Promise<void> {
  await withScratchFolder((scratch) =>
    withFreshDatabase(async (plain) => {
      const folder = join(scratch, 'columns')
      const db = { ...plain, columnsFolder: folder }
      await storeEvents(db, [day('ann', 'UA'), day('bob', 'UA'), day('cid', 'PL')])
      await addColumns(db, [['country']])
      await buildColumns(db)
      await use(db, folder)
    }),
  )
}

async function answerOf(db: Database) {
  const { data, meta } = await dau(db, question)
  return { users: data[0]!.unique_users, source: meta.source, warnings: meta.warnings.length }
}

const filesOf = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.parquet'))

test('a build that dies anywhere leaves right answers, and the next one a whole store', async () => {
  for (const point of ['columns.written', 'columns.renamed', 'columns.listing', 'columns.listed']) {
    await withStore(async (db, folder) => {
      await storeEvents(db, [day('dan', 'UA')])
      armFailpoint(`${point}=error`)
      await expect(buildColumns(db), point).rejects.toThrow(point)
      armFailpoint(undefined)
      expect(await answerOf(db), point).toEqual({ users: 3, source: 'columns', warnings: 0 })
      await buildColumns(db)
      expect(await columnsState(db), point).toMatchObject({ events: 4, tailEvents: 0 })
      expect(filesOf(folder), point).toHaveLength(2)
      expect(await answerOf(db), point).toEqual({ users: 3, source: 'columns', warnings: 0 })
    })
  }
})

test('many small files become one, and a death between is as if nothing had happened', async () => {
  await withStore(async (db, folder) => {
    for (let n = 0; n < 7; n++) {
      await storeEvents(db, [day(`user ${n}`, 'UA')])
      if (n === 6) armFailpoint('columns.merged=error')
      await buildColumns(db).catch((error: Error) => expect(error.message).toMatch('columns.merged'))
    }
    armFailpoint(undefined)
    expect((await columnsState(db))!.list.files).toHaveLength(8)
    expect(await answerOf(db)).toMatchObject({ users: 9, source: 'columns' })
    await buildColumns(db)
    expect((await columnsState(db))!.list.files).toHaveLength(1)
    expect(await answerOf(db)).toMatchObject({ users: 9, source: 'columns' })
    // Those of before stay for questions that read them.
    expect(filesOf(folder).length).toBeGreaterThan(1)
  })
})

test('an undone batch, and one that is no more as it was, does not count', async () => {
  await withStore(async (db) => {
    await storeEvents(db, [day('dan', 'UA')])
    await buildColumns(db)
    const { rows } = await sql<{ id: number }>`SELECT max(id) AS id FROM ${db.t.import_batches}`.execute(db.q)
    const { id } = rows[0]!
    await sql`DELETE FROM ${db.t.events} WHERE batch_id = ${id}`.execute(db.q)
    await sql`UPDATE ${db.t.import_batches} SET status = 'undone' WHERE id = ${id}`.execute(db.q)
    expect(await answerOf(db)).toMatchObject({ users: 2, source: 'columns' })
    await buildColumns(db)
    expect((await columnsState(db))!.list.files).toHaveLength(1)
  })
})

test('a file that was altered, cut, replaced or removed is not read; the next build writes it again', async () => {
  const harms: [string, (path: string) => void][] = [
    ['cut', (path) => truncateSync(path, 100)],
    ['longer', (path) => appendFileSync(path, 'x')],
    ['gone', (path) => rmSync(path)],
    [
      'a bit flipped',
      (path) => {
        const bytes = readFileSync(path)
        bytes[20]! ^= 1
        writeFileSync(path, bytes)
      },
    ],
  ]
  for (const [what, harm] of harms) {
    await withStore(async (db, folder) => {
      harm(join(folder, filesOf(folder)[0]!))
      const { meta } = await dau(db, question)
      expect(await answerOf(db), what).toEqual({ users: 2, source: 'events', warnings: 1 })
      expect(meta.warnings[0], what).toMatch(/did not answer, PostgreSQL did: Damaged: .*ea columns build/)
      expect((await errorOf(() => dau(db, question, { source: 'columns' }))).code, what).toBe('file_corrupt')
      await buildColumns(db)
      expect(await answerOf(db), what).toEqual({ users: 2, source: 'columns', warnings: 0 })
    })
  }
})

test('a list that cannot be understood, and a folder that is gone, only make questions slower', async () => {
  await withStore(async (db, folder) => {
    writeFileSync(join(folder, 'columns.json'), '{"format":2}')
    expect(await answerOf(db)).toEqual({ users: 2, source: 'events', warnings: 1 })
    expect(await removeColumns(db)).toBe(true)
    expect(existsSync(folder)).toBe(false)
    expect(await answerOf(db)).toEqual({ users: 2, source: 'events', warnings: 0 })
    expect(await buildColumns(db)).toBeUndefined()
  })
})

test('one process builds at a time, and questions go on meanwhile', async () => {
  await withStore(async (db) => {
    await storeEvents(db, [day('dan', 'UA')])
    const [one, other, answer] = await Promise.all([buildColumns(db), buildColumns(db), answerOf(db)])
    expect([one, other].filter((built) => built === undefined)).toHaveLength(1)
    expect(answer).toEqual({ users: 3, source: 'columns', warnings: 0 })
  })
})

test('a build that is only for enough new events waits for them', async () => {
  await withStore(async (db) => {
    await storeEvents(db, [day('dan', 'UA')])
    expect(await buildColumns(db, { leastEvents: 2 })).toBeUndefined()
    await storeEvents(db, [day('eve', 'UA')])
    expect(await buildColumns(db, { leastEvents: 2 })).toMatchObject({ written: 2, events: 5 })
  })
})

test('what the files cannot tell is answered by PostgreSQL, and refused when columns are asked for', async () => {
  await withStore(async (db) => {
    const other = { ...question, segment: ['properties.plan:pro'] }
    expect((await dau(db, other)).meta.source).toBe('events')
    const refused = await errorOf(() => dau(db, other, { source: 'columns' }))
    expect(refused).toMatchObject({ code: 'usage', message: expect.stringContaining('["plan"] is not in it') })
    expect((await errorOf(() => dau(db, question, { source: 'rollups' }))).message).toMatch('rollups cannot answer')
    expect((await dau(db, {}, { source: 'events' })).meta.source).toBe('events')
    await addColumns(db, [['plan']])
    expect((await dau(db, other)).meta.source).toBe('columns')
  })
})
