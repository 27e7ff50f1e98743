/**
 * Who loads files in `bench:import`, each into storage of its own that begins empty. Whatever is measured, the same facts
 * about what is stored are asked of each, so that nobody is quick by leaving something out.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { pgloader, psql } from './by-hand.js'
import type { Job, Loading } from './load-rival.js'
import type { LogFile } from './log-file.js'
import { ea, has, type Run, run } from './program.js'
import { dataFolder, query, type Server, withDatabase } from './server.js'
import { watchServerMemory } from './server-memory.js'

export type ContenderName = 'ea' | 'psql' | 'psql, sorted' | 'pgloader' | 'DuckDB' | 'ClickHouse'

export interface Contender {
  readonly name: ContenderName
  readonly version: string
  takes(file: LogFile): boolean
  /** Makes the storage, hands it to `use`, and takes it away. */
  withStore<T>(use: (store: Store) => Promise<T>): Promise<T>
}

interface Store {
  /** Adds a file to what is stored; events that are stored already stay as they are. */
  load(file: LogFile): Promise<Loaded>
  /** The same although the file is known, for a contender that would skip it. */
  loadAnyway?(file: LogFile): Promise<Loaded>
}

export interface Loaded {
  readonly seconds: number
  /** Only for ClickHouse: with the merge that takes repeats away. */
  readonly mergedSeconds?: number
  /** The most memory of the program itself, in MB. */
  readonly peakMb: number | undefined
  /** The most memory that the processes of the server held besides, without their shared buffers. */
  readonly serverPeakMb?: number | undefined
  /** How much is stored now: events, the sum of their times in milliseconds, of the lengths of their texts, and how many are of UA. */
  readonly facts: string
  /** What `ea` says about it, as JSON. */
  readonly stdout?: string
}

/** pgloader is slow, and takes neither repeats nor anything but CSV. */
const pgloaderLimitEvents = 1_000_000

/** All that can be found on this machine; who is missing is told to `note`. */
export async function contenders(server: Server, note: (text: string) => void): Promise<Contender[]> {
  const found: Contender[] = [eaContender(server)]
  if (await has('psql')) {
    for (const sorted of [false, true]) {
      found.push({
        name: sorted ? 'psql, sorted' : 'psql',
        version: sorted ? '' : await versionOf('psql'),
        takes: () => true,
        withStore: (use) =>
          withDatabase(server, (url) =>
            use({ load: (file) => measured(url, 'events', () => psql(url, file, { sorted })) }),
          ),
      })
    }
  } else note('  psql is not on the PATH: no comparison by hand')
  if (await has('pgloader')) {
    found.push({
      name: 'pgloader',
      version: await versionOf('pgloader'),
      takes: ({ format, isCompressed, events, records }) =>
        format === 'csv' && !isCompressed && events === records && events <= pgloaderLimitEvents,
      withStore: (use) =>
        withDatabase(server, (url) => use({ load: (file) => measured(url, 'events', () => pgloader(url, file)) })),
    })
  }
  for (const name of ['DuckDB', 'ClickHouse'] as const) {
    const version = await rivalVersion(name).catch((error: Error) =>
      note(`  no ${name}: ${error.message.split('\n')[0]}`),
    )
    if (version) found.push(fileContender(name, version))
  }
  return found
}

function eaContender(server: Server): Contender {
  return {
    name: 'ea',
    version: '',
    takes: () => true,
    withStore: (use) =>
      withDatabase(server, async (url) => {
        await ea(['db', 'migrate'], { DATABASE_URL: url })
        const load = (file: LogFile, ...more: string[]) =>
          measured(url, 'ea.events', async () => {
            const done = await ea(['import', file.path, '--json', ...more], { DATABASE_URL: url })
            const { batches, totals } = JSON.parse(done.stdout) as {
              readonly batches: readonly { status: string }[]
              readonly totals: { read: number }
            }
            const isKnown = batches.every(({ status }) => status === 'already_imported')
            if (!isKnown && totals.read !== file.records) {
              throw new Error(`ea read ${totals.read} of ${file.records} records:\n${done.stdout}`)
            }
            return done
          })
        return use({ load: (file) => load(file), loadAnyway: (file) => load(file, '--force') })
      }),
  }
}

/** DuckDB and ClickHouse keep their storage in a folder, and each load is a process of its own. */
function fileContender(rival: Job['rival'], version: string): Contender {
  return {
    name: rival,
    version,
    takes: () => true,
    withStore: (use) =>
      withFolder(async (folder) =>
        use({ load: ({ path, format }) => loadRival({ rival, folder, file: path, format }) }),
      ),
  }
}

async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  await mkdir(dataFolder, { recursive: true })
  const folder = await mkdtemp(`${dataFolder}rival-`)
  try {
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function loadRival(job: Job): Promise<Loading> {
  const { stdout } = await run(process.execPath, ['--import', 'tsx', 'bench/lib/load-rival.ts', JSON.stringify(job)])
  return JSON.parse(stdout) as Loading
}

/** By loading the example, so that a package that is there and does not work is found before anything is timed. */
function rivalVersion(rival: Job['rival']): Promise<string> {
  return withFolder(async (folder) => {
    const example = await loadRival({ rival, folder, file: 'examples/events.csv', format: 'csv' })
    return example.version
  })
}

async function versionOf(program: string): Promise<string> {
  const { stdout } = await run(program, ['--version'])
  const [number] = /\d+\.[\d.]*\d/.exec(stdout) ?? ['']
  return `${program} ${number}`
}

/** What a program did to a database, with the memory of the server meanwhile and the facts afterwards. */
async function measured(url: string, table: string, load: () => Promise<Run>): Promise<Loaded> {
  const stop = await watchServerMemory(url)
  let serverPeakMb: number | undefined
  const { seconds, peakMb, stdout } = await load().finally(() => {
    serverPeakMb = stop()
  })
  const [row] = await query(
    url,
    `SELECT concat_ws(',', count(*), sum(floor(extract(epoch FROM occurred_at) * 1000)),
            sum(length(user_id) + length(event_type)), count(*) FILTER (WHERE properties ->> 'country' = 'UA')) AS facts
       FROM ${table}`,
  )
  return { seconds, peakMb, serverPeakMb, stdout, facts: String(row?.facts) }
}
