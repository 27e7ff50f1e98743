/** A schema that is not there, in the embedded database: a question does not make it, what stores events does. */
import { expect, test } from 'vitest'
import type { EaError } from '../../src/lib/core/errors.js'
import { withDatabase } from '../../src/lib/db/open.js'
import { configOf, withDataDir } from '../support/postgres/embedded.js'

test('a schema that does not exist is not made by a question: the error names those that do', async () => {
  await withDataDir(async (dataDir) => {
    const asked = (schema: string, access: 'none' | 'read' | 'write' | 'create') =>
      withDatabase({ ...configOf(dataDir), schema }, async (db) => db.schema, { access })
    // Nothing is there yet: a name of one's own is a mistake all the same, the usual one is made.
    const none = await asked('shop', 'read').catch((error: EaError) => error)
    expect(none).toMatchObject({ code: 'database_not_migrated', exitCode: 5, details: { schemas: [] } })
    expect(await asked('shop', 'create')).toBe('shop')
    for (const access of ['read', 'write'] as const) {
      for (const schema of ['shpo', 'ea']) {
        const error = (await asked(schema, access).catch((thrown: EaError) => thrown)) as EaError
        expect(error).toMatchObject({ code: 'database_not_migrated', exitCode: 5, details: { schemas: ['shop'] } })
        expect(error.message).toBe(`There is no schema "${schema}" with the tables of ea. Schemas with events: "shop".`)
        expect(error.suggestions[0]).toContain('--schema "shop"')
      }
    }
    const schemas = await withDatabase(
      configOf(dataDir),
      (db) => db.pool.query(`SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information)' ORDER BY 1`),
      { migrated: false },
    )
    expect(schemas.rows).toEqual([{ nspname: 'public' }, { nspname: 'shop' }])
  })
})

test('the first question of a new installation makes the usual schema', async () => {
  await withDataDir(async (dataDir) => {
    expect(await withDatabase(configOf(dataDir), async (db) => db.schema, { access: 'read' })).toBe('ea')
  })
})
