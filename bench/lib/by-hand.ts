/**
 * How the same file gets into PostgreSQL without `ea`: what somebody who knows the database would write for psql, and
 * pgloader. Neither validates, neither builds rollups, and pgloader cannot even skip duplicates.
 */
import { rm, writeFile } from 'node:fs/promises'
import type { LogFile } from './log-file.js'
import { type Run, run } from './program.js'
import { dataFolder, query } from './server.js'

const columns = `
  event_id    uuid        NOT NULL,
  occurred_at timestamptz NOT NULL,
  user_id     text        NOT NULL,
  event_type  text        NOT NULL,
  properties  jsonb       NOT NULL`

/**
 * `\copy` into a typed temporary table (no WAL), then one INSERT that skips duplicates; gzip unpacks beside it. Lines of
 * JSON become one column, by a quote and a delimiter that no line has.
 *
 * @param sorted inserts in the order of the primary key: the trick that few know
 */
export function psql(databaseUrl: string, file: LogFile, options: { sorted: boolean }): Promise<Run> {
  const isCsv = file.format === 'csv'
  const source = file.isCompressed ? `PROGRAM 'gzip -dc "${file.path}"'` : `'${file.path}'`
  const copy = isCsv ? 'FORMAT csv, HEADER' : `FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02'`
  const rows = isCsv
    ? 'SELECT * FROM staging'
    : `SELECT (line ->> 'event_id')::uuid AS event_id, (line ->> 'occurred_at')::timestamptz, line ->> 'user_id',
              line ->> 'event_type', line -> 'properties' FROM staging`
  const script = `
\\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE TABLE IF NOT EXISTS events (${columns}, PRIMARY KEY (event_id));
CREATE TEMP TABLE staging (${isCsv ? columns : 'line jsonb NOT NULL'});
\\copy staging FROM ${source} WITH (${copy})
INSERT INTO events ${rows} ${options.sorted ? 'ORDER BY event_id ' : ''}ON CONFLICT DO NOTHING;
`
  return run('psql', ['-X', '-q', databaseUrl], { input: script })
}

/** pgloader into an empty table with its primary key, two workers. */
export async function pgloader(databaseUrl: string, file: LogFile): Promise<Run> {
  await query(databaseUrl, `CREATE TABLE events (${columns}, PRIMARY KEY (event_id))`)
  const { target, password } = pgloaderTarget(databaseUrl)
  const script = `${dataFolder}pgloader.load`
  await writeFile(
    script,
    `LOAD CSV
  FROM '${file.path}' (event_id, occurred_at, user_id, event_type, properties)
  INTO ${target}
  TARGET TABLE public.events (event_id, occurred_at, user_id, event_type, properties)
  WITH skip header = 1, fields optionally enclosed by '"', fields escaped by double-quote,
       fields terminated by ',', workers = 2, concurrency = 2;
`,
  )
  try {
    return await run('pgloader', ['--on-error-stop', script], { env: { PGPASSWORD: password } })
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
