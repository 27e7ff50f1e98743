/**
 * A real PostgreSQL for tests: the server of `test/support/postgres/server.ts`, one migrated template database in it, and for
 * each caller a database of its own that looks like a clone of it. Set EA_TEST_DATABASE_URL to use another server (it
 * needs CREATEDB).
 *
 * A clone costs about 360 ms, emptying one 5 to 50 ms: so a worker keeps the databases that it made, and hands an
 * emptied one to the next test. One whose tables, settings or constraints were changed is made again.
 */
import pg from 'pg'
import { inject } from 'vitest'
import { type Database, withPool } from '../../../src/lib/db/connect.js'

/** Databases of this worker that a test uses right now, by their number. */
const inUse = new Set<number>()

/** The connection to each of them on which it is emptied: it stays open, because a new one costs more than the work. */
const cleaners = new Map<string, pg.Client>()

/** The URL of an empty, migrated database, and what gives it back. */
export async function freshDatabase(): Promise<{ url: string; drop: () => Promise<void> }> {
  const serverUrl = inject('serverUrl')
  const template = inject('template')
  let number = 1
  while (inUse.has(number)) number++
  inUse.add(number)
  const name = `${template.name}_${process.env.VITEST_POOL_ID ?? process.pid}_${number}`
  const url = databaseUrl(serverUrl, name)
  try {
    if (!(await emptied(url, template.shape))) {
      await admin(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
      await admin(serverUrl, `CREATE DATABASE ${name} TEMPLATE ${template.name}`)
    }
  } catch (error) {
    inUse.delete(number)
    throw error
  }
  return {
    url,
    // What is still connected must not reach into the test that gets it next.
    drop: async () => {
      await (await cleanerOf(url))?.query(`SELECT pg_terminate_backend(pid) ${otherSessions}`)
      inUse.delete(number)
    },
  }
}

const otherSessions = `FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`

/** Undefined when there is no such database. */
async function cleanerOf(url: string): Promise<pg.Client | undefined> {
  const known = cleaners.get(url)
  // A test may have ended all connections, or dropped the database.
  if (known && (await known.query('SELECT').catch(() => null))) return known
  cleaners.delete(url)
  const client = new pg.Client({ connectionString: url }) as pg.Client & { unref(): void }
  client.on('error', () => cleaners.delete(url))
  try {
    await client.connect()
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === '3D000') return undefined
    throw error
  }
  // No process goes on for its sake.
  client.unref()
  cleaners.set(url, client)
  return client
}

/** Runs `use` on an empty, migrated database of its own. */
export async function withFreshDatabase<T>(
  use: (db: Database, url: string) => Promise<T>,
  options: { maxConnections?: number } = {},
): Promise<T> {
  const { url, drop } = await freshDatabase()
  try {
    return await withPool({ url, schema: 'ea', ...options }, (db) => use(db, url))
  } finally {
    await drop()
  }
}

/** Empties a database that an earlier test used; false when there is none yet, or when it is not like the template. */
async function emptied(url: string, shape: string): Promise<boolean> {
  const client = await cleanerOf(url)
  if (client === undefined) return false
  // Of a test file whose process was ended.
  await client.query(`SELECT pg_terminate_backend(pid, 10000) ${otherSessions}`)
  if ((await shapeOf(client)) !== shape) return false
  await client.query(`
    SET search_path = ea;
    SET client_min_messages = warning;
    DO $$ DECLARE used text; BEGIN
      SELECT string_agg(oid::regclass::text, ',') INTO used FROM pg_class
      WHERE relnamespace = 'ea'::regnamespace AND relkind = 'r' AND relname !~ '^(settings$|kysely_)'
        AND pg_relation_size(oid) > 0;
      IF used IS NOT NULL THEN EXECUTE 'TRUNCATE ' || used || ' RESTART IDENTITY CASCADE'; END IF;
      SELECT string_agg(format('SELECT setval(%L, 1, false)', seqrelid::regclass), ';') INTO used FROM pg_sequence
      JOIN pg_class ON oid = seqrelid WHERE relnamespace = 'ea'::regnamespace
        AND pg_sequence_last_value(seqrelid) IS NOT NULL;
      IF used IS NOT NULL THEN EXECUTE used; END IF;
    END $$;
    DELETE FROM settings;
    INSERT INTO settings DEFAULT VALUES;
  `)
  return true
}

/**
 * All that a test may change besides rows: tables, columns, indexes, constraints, rights, settings of the
 * database, as the catalogue has them: a clone has the numbers of its template. Empty when the tables are gone.
 */
export async function shapeOf(client: pg.Client): Promise<string> {
  const tables = await client.query(`SELECT to_regclass('ea.kysely_migration') IS NOT NULL AS exist`)
  if (!tables.rows[0].exist) return ''
  const { rows } = await client.query(`
    SELECT md5(concat_ws(E'\\n',
      (SELECT string_agg(n::text, E'\\n' ORDER BY oid) FROM pg_namespace n WHERE nspname !~ '^pg_(toast|temp)'),
      (SELECT string_agg(concat_ws('|', c.oid, relnamespace, relname, relkind, relacl, reloptions, relpersistence, i),
          E'\\n' ORDER BY c.oid)
        FROM pg_class c LEFT JOIN pg_index i ON indexrelid = c.oid WHERE c.oid > 16383 AND relpersistence <> 't'),
      (SELECT string_agg(concat_ws('|', attrelid, attnum, attname, atttypid, attnotnull, attacl, adbin), E'\\n'
          ORDER BY attrelid, attnum)
        FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attrelid > 16383 AND attnum > 0 AND relpersistence <> 't'),
      (SELECT string_agg(c::text, E'\\n' ORDER BY oid) FROM pg_constraint c WHERE oid > 16383),
      (SELECT string_agg(p::text, E'\\n' ORDER BY oid) FROM pg_proc p WHERE oid > 16383),
      (SELECT string_agg(t::text, E'\\n' ORDER BY oid) FROM pg_trigger t WHERE NOT tgisinternal),
      (SELECT string_agg(extname, '|' ORDER BY extname) FROM pg_extension),
      (SELECT string_agg(concat_ws('|', setrole, setconfig), E'\\n' ORDER BY setrole) FROM pg_db_role_setting
        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())),
      (SELECT string_agg(kysely::text, E'\\n' ORDER BY kysely::text) FROM ea.kysely_migration kysely)
    )) AS shape`)
  return rows[0].shape
}

/** One statement as administrator, on a connection of its own. */
export async function admin(serverUrl: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl })
  await client.connect()
  try {
    // Two clones at once of one template refuse each other: try again.
    for (let attempt = 0; ; attempt++) {
      try {
        await client.query(statement)
        return
      } catch (error) {
        const busy = error instanceof pg.DatabaseError && error.code === '55006'
        if (!busy || attempt > 200) throw error
        await new Promise((resolve) => setTimeout(resolve, 25))
      }
    }
  } finally {
    await client.end()
  }
}

/** The same server, another database. */
export function databaseUrl(serverUrl: string, database: string): string {
  return serverUrl.replace(/^(postgres(?:ql)?:\/\/[^/]*\/)[^?]*/, `$1${database}`)
}
