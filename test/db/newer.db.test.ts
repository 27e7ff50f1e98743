/** A schema that a newer release has migrated: who only asks is warned, and nothing is written. */
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { withTransaction } from '../../src/lib/db/connect.js'
import { bumpDataVersion } from '../../src/lib/db/data-version.js'
import { migrate } from '../../src/lib/db/migrate.js'
import { type OpenOptions, withDatabase } from '../../src/lib/db/open.js'
import { admin, withFreshDatabase } from '../support/postgres/database.js'

const later = `INSERT INTO ea.kysely_migration VALUES ('9999_later', '2030-01-01T00:00:00.000Z')`

test('an older release writes nothing to a newer schema, and warns who asks', () =>
  withFreshDatabase(async (db, url) => {
    await admin(url, later)
    const opened = (options: OpenOptions) =>
      withDatabase({ databaseUrl: url, schema: 'ea', dataDir: '' }, async () => 'used', options)
    const warnings: string[] = []
    expect(await opened({ access: 'read', onWarning: (text) => warnings.push(text) })).toBe('used')
    expect(warnings).toEqual([expect.stringContaining('this one does not know 9999_later')])
    for (const access of ['write', 'create'] as const) {
      await expect(opened({ access })).rejects.toMatchObject({ code: 'database_newer', exitCode: 5 })
    }
    await expect(migrate(db)).rejects.toMatchObject({ code: 'database_newer' })
  }))

test('a process that runs while a newer release migrates makes nothing visible any more', () =>
  withFreshDatabase(async (db, url) => {
    await withTransaction(db, (tx) => bumpDataVersion(tx))
    await admin(url, later)
    await expect(withTransaction(db, (tx) => bumpDataVersion(tx))).rejects.toMatchObject({ code: 'database_newer' })
    const { rows } = await sql`SELECT data_version FROM ${db.t.settings}`.execute(db.q)
    expect(rows).toEqual([{ data_version: 1 }])
  }))
