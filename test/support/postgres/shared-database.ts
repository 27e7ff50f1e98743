/** One fresh database for all tests of a file, where each test needs an empty one less than it needs to be quick. */
import { afterAll, beforeAll } from 'vitest'
import type { Database } from '../../../src/lib/db/connect.js'
import { withFreshDatabase } from './database.js'

/** Opens it before the first test and drops it after the last; the function gives it to a test. */
export function sharedDatabase(): () => Database {
  let database: Database | undefined
  let finish = () => {}
  let ended: Promise<void> = Promise.resolve()
  beforeAll(async () => {
    await new Promise<void>((resolve, reject) => {
      ended = withFreshDatabase(async (db) => {
        database = db
        resolve()
        await new Promise<void>((done) => {
          finish = done
        })
      })
      ended.catch(reject)
    })
  })
  afterAll(async () => {
    finish()
    await ended
  })
  return () => {
    if (database === undefined) throw new Error('a shared database is open while tests run')
    return database
  }
}
