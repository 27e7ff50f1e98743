/**
 * The embedded server as a bracket and as commands see it. A command says that it uses the server, finds it running or
 * starts it, and the last one to end stops it.
 *
 * Between "it runs" and "nobody uses it, stop it" nothing slips: a command registers first and looks at the lock after
 * that, a stopper takes the lock first and looks for users after that. So one of the two sees the other.
 */
import { opendirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../../core/config.js'
import { isLocked, withLock } from '../../os/numbered-lock.js'
import { type ClientRegistration, livingClients, registerClient } from './clients.js'
import { asFolderError, type EmbeddedOptions, type EmbeddedPaths, locate } from './paths.js'
import { answers, type Postmaster, readPostmaster } from './postmaster.js'
import { forgetKeeping, isKeptRunning, keepRunning, stopPostmaster, stopWhenUnused, stopWhenUnusedNow } from './stop.js'

/**
 * Hands the URL of a running server to `use`; starts it before and stops it after when need be.
 *
 * @param dataDir absolute; created on first use
 * @throws EaError `data_dir_unwritable`, `data_dir_unreachable`, `data_dir_other_version`, `disk_full`,
 * `embedded_unsupported_platform`, `embedded_start_failed`
 * @example
 * await withEmbeddedServer('/home/ann/.local/share/ea', (url) => query(url, 'SELECT 1'))
 */
export async function withEmbeddedServer<T>(
  dataDir: string,
  use: (url: string) => Promise<T>,
  options: EmbeddedOptions = {},
): Promise<T> {
  const place = locate(dataDir, options)
  const registered = await inFolder(place, async () => register(place))
  try {
    const postmaster = await inFolder(place, () => runningServer(place))
    return await use(urlOf(place, postmaster))
  } finally {
    registered.end()
    // What was done is done: a server that cannot be stopped is found again by the next command.
    await stopWhenUnused(place).catch(() => {})
  }
}

/**
 * Starts the server and keeps it running until `stopEmbedded`.
 *
 * @returns its state, `keptRunning` true
 */
export async function startEmbedded(config: Config, options: EmbeddedOptions = {}): Promise<EmbeddedStatus> {
  const place = locate(config.dataDir, options)
  await inFolder(place, async () => {
    const registered = register(place)
    try {
      keepRunning(place, await runningServer(place))
    } finally {
      registered.end()
    }
  })
  return embeddedStatus(config, options)
}

export interface StopResult {
  /** Whether a server ran and has ended. False with `users`: it stops when the last of them ends. */
  readonly stopped: boolean
  /** The pids of the commands that still use it. */
  readonly users: readonly number[]
}

/**
 * Stops the server, and keeps it running no longer. While commands use it, it is left to them, unless `force`: then
 * they lose it in the middle of what they do.
 */
export async function stopEmbedded(
  config: Config,
  options: EmbeddedOptions & { readonly force?: boolean } = {},
): Promise<StopResult> {
  const place = locate(config.dataDir, options)
  if (statSync(place.run, { throwIfNoEntry: false }) === undefined) return { stopped: false, users: [] }
  return inFolder(place, () =>
    withLock(place.run, async () => {
      forgetKeeping(place)
      const users = pidsOf(place)
      const postmaster = await liveServer(place)
      if (postmaster === undefined) return { stopped: false, users: [] }
      if (users.length > 0 && !options.force) return { stopped: false, users }
      return { stopped: await stopPostmaster(place, postmaster), users }
    }),
  )
}

export interface EmbeddedStatus {
  readonly running: boolean
  readonly pid: number | null
  /** The PostgreSQL that runs or would run: `18.4`. */
  readonly version: string
  readonly dataDir: string
  readonly socketDir: string | null
  /** For psql and other programs; null while it does not run. */
  readonly url: string | null
  readonly keptRunning: boolean
  /** The pids of the commands that use it now. */
  readonly users: readonly number[]
  /** The size of the cluster on disk, with its write-ahead log. */
  readonly sizeBytes: number
}

/** What there is in the data folder; starts and creates nothing. */
export async function embeddedStatus(config: Config, options: EmbeddedOptions = {}): Promise<EmbeddedStatus> {
  const place = locate(config.dataDir, options)
  return inFolder(place, async () => {
    const postmaster = await liveServer(place)
    return {
      running: postmaster !== undefined,
      pid: postmaster?.pid ?? null,
      version: place.version.split('.').slice(0, 2).join('.'),
      dataDir: place.dataDir,
      socketDir: postmaster?.socketDir || null,
      url: postmaster === undefined ? null : urlOf(place, postmaster),
      keptRunning: postmaster !== undefined && isKeptRunning(place, postmaster),
      users: pidsOf(place),
      sizeBytes: sizeOf(place.cluster),
    }
  })
}

const registrations = new Map<ClientRegistration, EmbeddedPaths>()

/** Registers a use that is withdrawn even when the process exits in the middle of it. */
function register(place: EmbeddedPaths): ClientRegistration {
  // Adding it twice would run it twice.
  if (!process.listeners('exit').includes(leaveAll)) process.on('exit', leaveAll)
  const use = registerClient(place)
  const whole: ClientRegistration = {
    end() {
      registrations.delete(whole)
      use.end()
    },
  }
  registrations.set(whole, place)
  return whole
}

function leaveAll(): void {
  for (const [use, place] of registrations) {
    try {
      use.end()
      stopWhenUnusedNow(place)
    } catch {
      // A later command cleans up.
    }
  }
}

/** The server when it runs and nobody is stopping it, found without the lock; else started. */
async function runningServer(place: EmbeddedPaths): Promise<Postmaster> {
  if (!isLocked(place.run)) {
    const postmaster = readPostmaster(place)
    if (postmaster?.status === 'ready' && (await answers(postmaster))) return postmaster
  }
  const { ensureRunning } = await import('./start.js')
  return ensureRunning(place)
}

async function liveServer(place: EmbeddedPaths): Promise<Postmaster | undefined> {
  const postmaster = readPostmaster(place)
  return postmaster !== undefined && (await answers(postmaster)) ? postmaster : undefined
}

/** The URL of the database, also for psql. */
function urlOf(place: EmbeddedPaths, { socketDir, port }: Postmaster): string {
  if (socketDir) return `postgresql://ea@localhost/ea?host=${encodeURIComponent(socketDir).replaceAll('%2F', '/')}`
  const password = readFileSync(join(place.dataDir, 'password'), 'utf8').trim()
  return `postgresql://ea:${password}@127.0.0.1:${port}/ea`
}

function pidsOf(place: EmbeddedPaths): number[] {
  return [...new Set(livingClients(place).map((user) => user.pid))].sort((a, b) => a - b)
}

function sizeOf(folder: string): number {
  let bytes = 0
  for (const path of filesOf(folder)) bytes += statSync(path, { throwIfNoEntry: false })?.size ?? 0
  return bytes
}

function* filesOf(folder: string): Generator<string> {
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) return
  const entries = opendirSync(folder)
  try {
    for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
      if (entry.isDirectory()) yield* filesOf(join(folder, entry.name))
      else yield join(folder, entry.name)
    }
  } finally {
    entries.closeSync()
  }
}

/** Runs what touches the data folder; what the file system refuses becomes an error for a person. */
async function inFolder<T>(place: EmbeddedPaths, body: () => Promise<T>): Promise<T> {
  try {
    return await body()
  } catch (error) {
    throw asFolderError(error, place.dataDir)
  }
}
