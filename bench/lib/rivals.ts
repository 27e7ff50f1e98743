/**
 * The column stores that `ea` is compared with, in this process as they are meant to be used: the same log, loaded once
 * into a native table in the folder of the benchmarks, two threads or as many as the machine has cores.
 *
 * Their packages are in bench/package.json only and loaded by name, so that nothing else needs them.
 */
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import type { LogFile } from './log-file.js'
import type { RivalName } from './questions/question.js'

/** A database of theirs that is open in this process. */
export interface Opened {
  /** Runs a statement; each row as its values between commas. */
  rows(statement: string): Promise<string[]>
  close(): void | Promise<void>
}

export interface Rival extends Opened {
  readonly name: RivalName
  /** For the report: version and how the data lies. */
  readonly description: string
}

/** As many as there are processors, for each of them. */
export const threads = availableParallelism()

/** What is used of `@duckdb/node-api`. */
interface DuckDb {
  readonly DuckDBInstance: {
    create(
      path: string,
      options: Record<string, string>,
    ): Promise<{ connect(): Promise<DuckDbConnection>; closeSync(): void }>
  }
}
interface DuckDbConnection {
  run(statement: string): Promise<unknown>
  runAndReadAll(statement: string): Promise<{ getRowsJson(): unknown[][] }>
  closeSync(): void
}

/** What is used of `chdb`. */
interface Chdb {
  readonly Session: new (
    folder: string,
  ) => {
    queryAsync(statement: string, options: { format: string }): Promise<{ text(): string }>
    close(): void
  }
}

/** Opens or makes a file of DuckDB. @throws Error when its package is not installed */
export async function openDuckDb(path: string): Promise<Opened> {
  const { DuckDBInstance } = await optional<DuckDb>('@duckdb/node-api')
  const instance = await DuckDBInstance.create(path, { threads: String(threads) })
  const connection = await instance.connect()
  await connection.run(`SET TimeZone = 'UTC'`)
  return {
    rows: async (statement) => (await connection.runAndReadAll(statement)).getRowsJson().map((row) => row.join(',')),
    close: () => {
      connection.closeSync()
      instance.closeSync()
    },
  }
}

/** Opens or makes a folder of ClickHouse; only one at a time in a process. @throws Error when its package is not installed */
export async function openClickHouse(folder: string): Promise<Opened> {
  const { Session } = await optional<Chdb>('chdb')
  const session = new Session(folder)
  return {
    rows: async (statement) => {
      const answer = await session.queryAsync(statement, { format: 'TSV' })
      const lines = answer.text().split('\n').slice(0, -1)
      return lines.map((row) => row.replaceAll('\t', ','))
    },
    close: () => session.close(),
  }
}

/** DuckDB with the log in a native table; times, ids and JSON in their own types, in the order of the log. */
export async function duckDb(folder: string, log: LogFile): Promise<Rival> {
  const path = await loadedOnce(`${folder}/duckdb`, async (unfinished) => {
    const { rows, close } = await openDuckDb(`${unfinished}/events.db`)
    await rows(`
      CREATE TABLE events (
        event_id UUID, occurred_at TIMESTAMPTZ, user_id VARCHAR, event_type VARCHAR, properties JSON)`)
    await rows(`
      INSERT INTO events SELECT * FROM read_csv('${log.path}', header = true, columns = {
        event_id: 'UUID', occurred_at: 'TIMESTAMPTZ', user_id: 'VARCHAR', event_type: 'VARCHAR', properties: 'JSON'})`)
    await rows('CHECKPOINT')
    close()
  })
  const { rows, close } = await openDuckDb(`${path}/events.db`)
  const [version] = await rows('SELECT version()')
  return { name: 'DuckDB', description: `DuckDB ${version}, native table, JSON`, rows, close }
}

/**
 * ClickHouse with the log in a MergeTree in the order of users and their times, which funnels and retention want; the
 * type JSON keeps each property as a column, and was quicker here than a String with JSON functions.
 */
export async function clickHouse(folder: string, log: LogFile): Promise<Rival> {
  const path = await loadedOnce(`${folder}/clickhouse`, async (unfinished) => {
    const { rows, close } = await openClickHouse(`${unfinished}/data`)
    await rows('CREATE DATABASE bench')
    await rows(`
      CREATE TABLE bench.events (
        event_id UUID, occurred_at DateTime64(6, 'UTC'), user_id String, event_type LowCardinality(String), properties JSON)
      ENGINE = MergeTree ORDER BY (user_id, occurred_at)`)
    await rows(`
      INSERT INTO bench.events
      SELECT event_id, parseDateTime64BestEffort(occurred_at, 6, 'UTC'), user_id, event_type, properties
      FROM file('${log.path}', CSV,
        'event_id UUID, occurred_at String, user_id String, event_type String, properties String')
      SETTINGS input_format_csv_skip_first_lines = 1`)
    await rows('OPTIMIZE TABLE bench.events FINAL')
    close()
  })
  const { rows, close } = await openClickHouse(`${path}/data`)
  const [version] = await rows('SELECT version()')
  await rows('USE bench')
  await rows(`SET max_threads = ${threads}`)
  const description = `ClickHouse ${version} (chdb), MergeTree ORDER BY (user_id, occurred_at), JSON`
  return { name: 'ClickHouse', description, rows, close }
}

/** Fills a folder once; what was cut off half-way is thrown away and made again. @returns the folder */
async function loadedOnce(folder: string, load: (unfinished: string) => Promise<void>): Promise<string> {
  if (await stat(folder).catch(() => undefined)) return folder
  const unfinished = `${folder}.loading`
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(unfinished, { recursive: true })
  await load(unfinished)
  await rename(unfinished, folder)
  return folder
}

async function optional<T>(name: string): Promise<T> {
  try {
    return (await import(name)) as T
  } catch (error) {
    throw new Error(`${name} cannot be loaded; \`npm ci --prefix bench\` installs it`, { cause: error })
  }
}
