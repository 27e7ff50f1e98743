import { expect, test } from 'vitest'
import { withPool } from '../../src/lib/db/connect.js'
import { migrate, requireMigrated, schemaState } from '../../src/lib/db/migrate.js'
import { withFreshDatabase } from '../support/database.js'

test('a schema with a hostile name is migrated, once, by two callers at once', async () => {
  await withFreshDatabase(async (_, url) => {
    await withPool({ url, schema: 'a "b" c' }, async (db) => {
      await expect(requireMigrated(db)).rejects.toMatchObject({ code: 'database_not_migrated' })
      const applied = await Promise.all([migrate(db), migrate(db)])
      expect(applied.flat()).toEqual(['0001_events'])
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
