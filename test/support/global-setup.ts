/**
 * Once per run: a server for the tests and in it the template database that each test file clones.
 * EA_TEST_DATABASE_URL names a server that runs already (it needs CREATEDB); else one is started for the run, of the
 * major that EA_TEST_POSTGRES names.
 */
import { randomBytes } from 'node:crypto'
import type { TestProject } from 'vitest/node'
import { withPool } from '../../src/lib/db/connect.js'
import { migrate } from '../../src/lib/db/migrate.js'
import { admin, databaseUrl } from './database.js'
import { startTestServer } from './server.js'

declare module 'vitest' {
  export interface ProvidedContext {
    serverUrl: string
    templateDatabase: string
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.EA_TEST_DATABASE_URL
  const server = given ? { url: given, stop: async () => {} } : await startTestServer()
  const template = `ea_template_${randomBytes(6).toString('hex')}`
  try {
    await admin(server.url, `CREATE DATABASE ${template} TEMPLATE template0`)
    await withPool({ url: databaseUrl(server.url, template), schema: 'ea' }, (db) => migrate(db))
  } catch (error) {
    await server.stop()
    throw error
  }
  project.provide('serverUrl', server.url)
  project.provide('templateDatabase', template)
  return async () => {
    await admin(server.url, `DROP DATABASE IF EXISTS ${template} WITH (FORCE)`)
    await server.stop()
  }
}
