/** One database for all tests of a file, for those that empty its tables themselves. */
import { afterAll, beforeAll } from 'vitest'
import { type Database, withPool } from '../../src/lib/db/connect.js'
import { freshDatabase } from '../support/postgres/database.js'

/** Makes it before the tests of the file that calls this, drops it behind them, and gives what runs `use` on it. */
export function sharedDatabase(): <T>(use: (db: Database) => Promise<T>) => Promise<T> {
  let database: Awaited<ReturnType<typeof freshDatabase>>
  beforeAll(async () => {
    database = await freshDatabase()
  })
  afterAll(() => database.drop())
  return (use) => withPool({ url: database.url, schema: 'ea' }, use)
}
