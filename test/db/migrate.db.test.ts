import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { withPool } from '../../src/lib/db/connect.js'
import { migrate, requireMigrated, schemaState } from '../../src/lib/db/migrate.js'
import { admin, databaseUrl, withFreshDatabase } from '../support/postgres/database.js'

const files = readdirSync('migrations')
  .sort()
  .map((name) => name.replace(/\.sql$/, ''))

test('a schema with a hostile name is migrated, once, by two callers at once', async () => {
  await withFreshDatabase(async (_, url) => {
    await withPool({ url, schema: 'a "b" c' }, async (db) => {
      await expect(requireMigrated(db)).rejects.toMatchObject({ code: 'database_not_migrated' })
      const applied = await Promise.all([migrate(db), migrate(db)])
      expect(applied.flat()).toEqual(files)
      expect(await migrate(db)).toEqual([])
      expect((await schemaState(db)).pending).toEqual([])
      await requireMigrated(db)
      expect(await db.q.selectFrom('settings').selectAll().execute()).toEqual([
        { one: true, reporting_tz: 'UTC', data_version: 0 },
      ])
    })
  })
})

test('the reporting time zone is chosen when the schema is created', async () => {
  await withFreshDatabase(async (_, url) => {
    await withPool({ url, schema: 'kyiv' }, async (db) => {
      await migrate(db, { reportingTz: 'Europe/Kyiv' })
      const settings = await db.q.selectFrom('settings').select('reporting_tz').executeTakeFirstOrThrow()
      expect(settings.reporting_tz).toBe('Europe/Kyiv')
    })
  })
})

test('a database that is not UTF-8 is refused before anything is created', async () => {
  await withFreshDatabase(async (db, url) => {
    const name = `ea_latin_${process.pid}`
    await db.pool.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc`)
    try {
      await withPool({ url: databaseUrl(url, name), schema: 'ea' }, async (latin) => {
        await expect(migrate(latin)).rejects.toMatchObject({ code: 'database_refused' })
      })
    } finally {
      await db.pool.query(`DROP DATABASE ${name} WITH (FORCE)`)
    }
  })
})

test('instants are read whatever date style a role prefers', async () => {
  await withFreshDatabase(async (_, url) => {
    await admin(
      url,
      "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET DateStyle TO ''SQL, DMY''', current_database()); END $$",
    )
    await withPool({ url, schema: 'ea' }, async (db) => {
      const { rows } = await db.pool.query("SELECT timestamptz '2025-02-03T04:05:06Z' AS at")
      expect(rows[0].at).toEqual(new Date('2025-02-03T04:05:06Z'))
    })
  })
})

test('what happens to tables of other schemas does not matter', async () => {
  await withFreshDatabase(async (other, url) => {
    await admin(url, 'CREATE TABLE public.doomed (id serial PRIMARY KEY)')
    const client = await other.pool.connect()
    try {
      // Whoever looks at this table waits, and finds it gone.
      await client.query('BEGIN; DROP TABLE public.doomed')
      await withPool({ url, schema: 'mine' }, async (db) => expect(await migrate(db)).toEqual(files))
    } finally {
      await client.query('COMMIT')
      client.release()
    }
  })
})
