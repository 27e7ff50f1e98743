/**
 * Once per project of a run: the script of the page, the kernel of imports, a server for the tests and in it the template database of which each test gets a clone.
 * EA_TEST_DATABASE_URL names a server that runs already (it needs CREATEDB); otherwise one is started for the run, of the
 * major that EA_TEST_POSTGRES names.
 */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { withPool } from '../../../src/lib/db/connect.js'
import { migrate } from '../../../src/lib/db/migrate.js'
import compileKernel from '../compile-kernel.js'
import { admin, databaseUrl, shapeOf } from './database.js'
import { startTestServer } from './server.js'

declare module 'vitest' {
  export interface ProvidedContext {
    serverUrl: string
    /** The migrated database that others are cloned from, and what `shapeOf` says of it. */
    template: { readonly name: string; readonly shape: string }
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { bundlePage } = await import(new URL('../../../bin/page.js', import.meta.url).href)
  await bundlePage()
  await compileKernel()
  const given = process.env.EA_TEST_DATABASE_URL
  const server = given ? { url: given, stop: async () => {} } : await startTestServer()
  const name = `ea_test_${randomBytes(6).toString('hex')}`
  try {
    await admin(server.url, `CREATE DATABASE ${name} TEMPLATE template0`)
    const url = databaseUrl(server.url, name)
    await withPool({ url, schema: 'ea' }, (db) => migrate(db))
    project.provide('serverUrl', server.url)
    project.provide('template', { name, shape: await shape(url) })
  } catch (error) {
    await server.stop()
    throw error
  }
  return async () => {
    if (given) await dropAll(server.url, name)
    await server.stop()
  }
}

async function shape(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await shapeOf(client)
  } finally {
    await client.end()
  }
}

/** The template and its clones, on a server that goes on after the run. */
async function dropAll(serverUrl: string, template: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl })
  await client.connect()
  try {
    const { rows } = await client.query('SELECT datname FROM pg_database WHERE datname LIKE $1', [`${template}%`])
    for (const { datname } of rows) await client.query(`DROP DATABASE IF EXISTS ${datname} WITH (FORCE)`)
  } finally {
    await client.end()
  }
}
