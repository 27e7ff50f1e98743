/**
 * How the same file gets into PostgreSQL without `ea`: what somebody who knows the database would write for psql, and
 * pgloader. Neither validates, neither builds rollups, and pgloader cannot even skip duplicates.
 */
import { rm, writeFile } from 'node:fs/promises'
import { type Run, run } from './program.js'
import { dataFolder, query } from './server.js'

const columns = `
  event_id    uuid        NOT NULL,
  occurred_at timestamptz NOT NULL,
  user_id     text        NOT NULL,
  event_type  text        NOT NULL,
  properties  jsonb       NOT NULL`

/**
 * `\copy` into a typed temporary table (no WAL), then one INSERT that skips duplicates.
 *
 * @param sorted inserts in the order of the primary key: the trick that few know
 */
export function psql(databaseUrl: string, file: string, options: { sorted: boolean }): Promise<Run> {
  const script = `
\\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE TABLE events (${columns}, PRIMARY KEY (event_id));
CREATE TEMP TABLE staging (${columns});
\\copy staging FROM '${file}' WITH (FORMAT csv, HEADER)
INSERT INTO events SELECT * FROM staging ${options.sorted ? 'ORDER BY event_id ' : ''}ON CONFLICT DO NOTHING;
`
  return run('psql', ['-X', '-q', databaseUrl], { input: script })
}

/** pgloader into an empty table with its primary key, two workers. */
export async function pgloader(databaseUrl: string, file: string): Promise<Run> {
  await query(databaseUrl, `CREATE TABLE events (${columns}, PRIMARY KEY (event_id))`)
  const { target, password } = pgloaderTarget(databaseUrl)
  const script = `${dataFolder}pgloader.load`
  await writeFile(
    script,
    `LOAD CSV
  FROM '${file}' (event_id, occurred_at, user_id, event_type, properties)
  INTO ${target}
  TARGET TABLE public.events (event_id, occurred_at, user_id, event_type, properties)
  WITH skip header = 1, fields optionally enclosed by '"', fields escaped by double-quote,
       fields terminated by ',', workers = 2, concurrency = 2;
`,
  )
  try {
    const loaded = await run('pgloader', ['--on-error-stop', script], { env: { PGPASSWORD: password } })
    const [row] = await query(databaseUrl, 'SELECT count(*)::int AS events FROM events')
    if (!row?.events) throw new Error(`pgloader loaded nothing:\n${loaded.stdout}`)
    return loaded
  } finally {
    await rm(script)
  }
}

/** pgloader writes a socket folder as a host: `postgresql://me@unix:/tmp/folder:5432/db`. */
function pgloaderTarget(databaseUrl: string): { target: string; password: string | undefined } {
  const url = new URL(databaseUrl)
  const socket = url.searchParams.get('host')
  const host = socket?.startsWith('/') ? `unix:${socket}` : url.hostname
  const port = url.searchParams.get('port') ?? (url.port || '5432')
  return {
    target: `postgresql://${url.username || 'postgres'}@${host}:${port}${url.pathname}`,
    password: url.password || undefined,
  }
}
