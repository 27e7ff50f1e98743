/**
 * Loads one file into DuckDB or ClickHouse, as a program of its own, so that the memory it takes is its own. What to do is
 * its only argument, a Job as JSON; what it took is printed, a Loading as JSON. The clock starts when their library is
 * there and the table made, so the start of a program is not counted, as it is for the others.
 *
 * Both keep an event once as far as they can. DuckDB: a primary key, and INSERT OR IGNORE; it holds at once. ClickHouse: a
 * ReplacingMergeTree ordered by event_id; repeats stay until their parts are merged, so a question must say FINAL or wait
 * for OPTIMIZE. Its time is therefore told before and after that. Of two records of one file with the same id any may win in
 * both, because several threads read it; the repeats of these benchmarks are word for word.
 */
import { readFileSync } from 'node:fs'
import { openClickHouse, openDuckDb, threads } from './rivals.js'

export interface Job {
  readonly rival: 'DuckDB' | 'ClickHouse'
  /** Where its storage lies; made when it is not there, else the file is added to what is in it. */
  readonly folder: string
  readonly file: string
  readonly format: 'csv' | 'ndjson'
}

export interface Loading {
  readonly version: string
  readonly seconds: number
  /** ClickHouse: with the merge that takes the repeats away. */
  readonly mergedSeconds?: number
  /** The most memory that this process held until then, in MB. */
  readonly peakMb: number | undefined
  /** See `facts` in contenders.ts. */
  readonly facts: string
}

const job = JSON.parse(process.argv[2]!) as Job
const loading = job.rival === 'DuckDB' ? await intoDuckDb(job) : await intoClickHouse(job)
process.stdout.write(`${JSON.stringify(loading)}\n`)

async function intoDuckDb({ folder, file, format }: Job): Promise<Loading> {
  const { rows, close } = await openDuckDb(`${folder}/events.db`)
  await rows(`
    CREATE TABLE IF NOT EXISTS events (
      event_id UUID PRIMARY KEY, occurred_at TIMESTAMPTZ NOT NULL, user_id VARCHAR NOT NULL, event_type VARCHAR NOT NULL,
      properties JSON NOT NULL)`)
  const columns = `columns = {
    event_id: 'UUID', occurred_at: 'TIMESTAMPTZ', user_id: 'VARCHAR', event_type: 'VARCHAR', properties: 'JSON'}`
  const source =
    format === 'csv'
      ? `read_csv('${file}', header = true, ${columns})`
      : `read_json('${file}', format = 'newline_delimited', ${columns})`
  const began = performance.now()
  await rows(`INSERT OR IGNORE INTO events SELECT * FROM ${source}`)
  await rows('CHECKPOINT')
  const [seconds, peakMb] = [secondsSince(began), ownPeakMb()]
  const [facts] = await rows(`
    SELECT count(*), sum(epoch_ms(occurred_at)), sum(length(user_id) + length(event_type)),
           count(*) FILTER (WHERE properties ->> 'country' = 'UA')
    FROM events`)
  const [version] = await rows('SELECT version()')
  close()
  return { version: `DuckDB ${version}`, seconds, peakMb, facts: facts! }
}

async function intoClickHouse({ folder, file, format }: Job): Promise<Loading> {
  const { rows, close } = await openClickHouse(folder)
  await rows(`SET max_threads = ${threads}`)
  await rows(`SET max_insert_threads = ${threads}`)
  await rows('CREATE DATABASE IF NOT EXISTS bench')
  await rows(`
    CREATE TABLE IF NOT EXISTS bench.events (
      event_id UUID, occurred_at DateTime64(6, 'UTC'), user_id String, event_type LowCardinality(String), properties JSON)
    ENGINE = ReplacingMergeTree ORDER BY event_id`)
  const asGiven = format === 'csv' ? 'CSV' : 'JSONEachRow'
  const began = performance.now()
  await rows(`
    INSERT INTO bench.events
    SELECT event_id, parseDateTime64BestEffort(occurred_at, 6, 'UTC'), user_id, event_type, properties
    FROM file('${file}', ${asGiven},
      'event_id UUID, occurred_at String, user_id String, event_type String, properties JSON')
    SETTINGS input_format_csv_skip_first_lines = ${format === 'csv' ? 1 : 0}`)
  const seconds = secondsSince(began)
  await rows('OPTIMIZE TABLE bench.events FINAL')
  const [mergedSeconds, peakMb] = [secondsSince(began), ownPeakMb()]
  const [facts] = await rows(`
    SELECT count(), sum(toInt128(toUnixTimestamp64Milli(occurred_at))), sum(length(user_id) + length(event_type)),
           countIf(properties.country.:String = 'UA')
    FROM bench.events FINAL`)
  const [version] = await rows('SELECT version()')
  close()
  return { version: `ClickHouse ${version} (chdb)`, seconds, mergedSeconds, peakMb, facts: facts! }
}

function secondsSince(began: number): number {
  return (performance.now() - began) / 1000
}

/** Not `resourceUsage().maxRSS`, which begins with that of the program that started this one. */
function ownPeakMb(): number | undefined {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024
  } catch {
    return undefined
  }
}
