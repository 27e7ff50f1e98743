/** Small sources to import: events as CSV, with chosen ids so that two files can share some. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { type Ended, ea, type RunOptions } from '../support/binary.js'
import { freshDatabase } from '../support/postgres/database.js'

export const header = 'event_id,occurred_at,user_id,event_type,properties'

/** A uuid that a number gives. */
export const uuidOf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`

/** The record of event `n`, without a line end. */
export const record = (n: number) => `${uuidOf(n)},2025-01-01T00:00:${String(n % 60).padStart(2, '0')}Z,u${n % 7},view,`

/** A CSV of the events `[from, to)`. */
export function csvOf(from: number, to: number): string {
  const records = Array.from({ length: to - from }, (_, index) => record(from + index))
  return `${[header, ...records].join('\n')}\n`
}

export interface Bench {
  /** Of its database. */
  readonly url: string
  /** An empty folder. */
  readonly folder: string
  /** A path in it. */
  readonly path: (name: string) => string
  /** Runs `ea` on a fresh database. */
  readonly ea: (args: readonly string[], options?: RunOptions) => Promise<Ended>
  /** Runs `ea … --json` and gives what it printed with its exit code. */
  // biome-ignore lint/suspicious/noExplicitAny: the shape of the JSON is what the tests are about
  readonly json: (args: readonly string[], options?: RunOptions) => Promise<any>
  /** The rows of one statement. */
  readonly sql: (statement: string) => Promise<Record<string, unknown>[]>
  /** Runs `use` while a transaction of its own holds what `statement` locks. */
  readonly locked: <T>(statement: string, use: (release: () => Promise<void>) => Promise<T>) => Promise<T>
  /** How many events are stored, visible or not. */
  readonly events: () => Promise<number>
}

/** A folder and a database for one test. */
export async function withBench(use: (bench: Bench) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'ea-cli-'))
  const { url, drop } = await freshDatabase()
  const run = (args: readonly string[], options?: RunOptions) => ea([...args, '--database-url', url], options)
  const query = async (statement: string) => {
    const client = new pg.Client({ connectionString: url, options: '-c search_path=ea' })
    await client.connect()
    try {
      return (await client.query(statement)).rows as Record<string, unknown>[]
    } finally {
      await client.end()
    }
  }
  try {
    await use({
      url,
      folder,
      path: (name) => join(folder, name),
      ea: run,
      async json(args, options) {
        const { stdout, code } = await run([...args, '--json'], options)
        return { ...JSON.parse(stdout), code }
      },
      sql: query,
      async locked(statement, body) {
        const client = new pg.Client({ connectionString: url, options: '-c search_path=ea' })
        await client.connect()
        try {
          await client.query(`BEGIN; ${statement}`)
          return await body(async () => void (await client.query('COMMIT')))
        } finally {
          await client.end()
        }
      },
      events: async () => Number((await query('SELECT count(*) AS n FROM events'))[0]!.n),
    })
  } finally {
    await drop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Waits until something holds. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20))
}
