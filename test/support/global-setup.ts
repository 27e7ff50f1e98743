/**
 * Once per run: a server for the tests and in it the template database that each test file clones.
 * EA_TEST_DATABASE_URL names another server, so that the same tests run on PostgreSQL 16 and 17.
 */
import { randomBytes } from 'node:crypto'
import type { TestProject } from 'vitest/node'
import { withPool } from '../../src/lib/db/connect.js'
import { migrate } from '../../src/lib/db/migrate.js'
import { admin, databaseUrl } from './database.js'

declare module 'vitest' {
  export interface ProvidedContext {
    serverUrl: string
    templateDatabase: string
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const serverUrl = process.env.EA_TEST_DATABASE_URL
  if (!serverUrl) throw new Error('EA_TEST_DATABASE_URL is not set')
  const template = `ea_template_${randomBytes(6).toString('hex')}`
  await admin(serverUrl, `CREATE DATABASE ${template} TEMPLATE template0`)
  await withPool({ url: databaseUrl(serverUrl, template), schema: 'ea' }, (db) => migrate(db))
  project.provide('serverUrl', serverUrl)
  project.provide('templateDatabase', template)
  return async () => {
    await admin(serverUrl, `DROP DATABASE IF EXISTS ${template} WITH (FORCE)`)
  }
}
