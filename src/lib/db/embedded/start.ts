/**
 * From a data folder in any state to a server that answers: makes the cluster on first use, waits for a server that
 * starts or stops, recovers what a killed one left, and starts one. All of it under the lock.
 */
import { spawn } from 'node:child_process'
import {
  chownSync,
  closeSync,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { EaError } from '../../core/errors.js'
import { failpoint } from '../../core/failpoint.js'
import { withLock } from '../../os/numbered-lock.js'
import { isAlive } from '../../os/process-identity.js'
import { program, runnableNative } from './binaries.js'
import { livingClients } from './clients.js'
import { ensureCluster } from './cluster.js'
import { cleanEnvironment, give, type OsUser, requireReachable, serverOsUser } from './os-user.js'
import { diskFull, type EmbeddedPaths, makeFolders } from './paths.js'
import { answers, isOurs, type Postmaster, readPostmaster } from './postmaster.js'
import { serverSettings, thisMachine } from './settings.js'
import { makeSocketDir } from './socket.js'
import { stopPostmaster } from './stop.js'

const maxLogBytes = 1024 * 1024
/** How long the processes of a killed server may take to notice and end. */
const orphansMs = 60_000
/** How long a server may be on its way up or down; recovery after a crash reads the write-ahead log. */
const settleMs = 10 * 60_000
/** How long `postmaster.pid` may be empty while it is being written. */
const emptyFileMs = 1000
/** How long a server may be ready without a socket. */
const lostSocketMs = 2000

/**
 * Makes sure that the server runs, whatever state the folder is in.
 *
 * @throws EaError `data_dir_unreachable`, `data_dir_other_version`, `disk_full`, `embedded_unsupported_platform`,
 * `embedded_start_failed`
 */
export async function ensureRunning(place: EmbeddedPaths): Promise<Postmaster> {
  makeFolders(place)
  return withLock(place.run, async () => {
    const deadlineMs = Date.now() + orphansMs
    for (;;) {
      const running = await settled(place)
      if (running !== undefined) return running
      const account = serverOsUser(place)
      requireReachable(place, account)
      const native = await runnableNative(place, account)
      await ensureCluster(place, native, account)
      const started = await start(place, native, account)
      if (typeof started === 'object') return started
      if (/pre-existing shared memory block/.test(started) && Date.now() < deadlineMs) await sleep(200)
      else if (!/lock file "postmaster\.pid" already exists/.test(started) || Date.now() > deadlineMs) {
        throw startFailed(place, started)
      }
    }
  })
}

/** Waits until the server runs or does not; undefined: nothing runs here. */
async function settled(place: EmbeddedPaths): Promise<Postmaster | undefined> {
  const startedMs = Date.now()
  for (;;) {
    const postmaster = readPostmaster(place)
    if (postmaster === undefined) return undefined
    const listening = await answers(postmaster)
    if (listening && postmaster.status === 'ready') return postmaster
    const waitedMs = Date.now() - startedMs
    if (!listening && !isOurs(place, postmaster)) {
      if (postmaster.pid === 0 && waitedMs < emptyFileMs) await sleep(10)
      else {
        disown(place, postmaster)
        return undefined
      }
    } else if (!listening && postmaster.status === 'ready' && waitedMs > lostSocketMs) {
      await endUnreachable(place, postmaster)
    } else if (waitedMs > settleMs) {
      throw new EaError(
        'embedded_start_failed',
        `The server (pid ${postmaster.pid}) has been ${postmaster.status || 'starting'} for ten minutes.`,
        { suggestions: [`Its log: ${place.log}`] },
      )
    } else await sleep(10)
  }
}

/** It runs and nobody can reach it: somebody removed its socket, such as a cleaner of /tmp. */
async function endUnreachable(place: EmbeddedPaths, postmaster: Postmaster): Promise<void> {
  if (livingClients(place).some((user) => user.pid !== process.pid)) {
    throw new EaError('embedded_start_failed', `The socket in ${postmaster.socketDir} is gone while others use it.`, {
      suggestions: ['Run it again when the other commands have ended: the server is then started anew.'],
    })
  }
  await stopPostmaster(place, postmaster)
}

/**
 * The server of `postmaster.pid` is dead. PostgreSQL sees that by itself, unless the pid lives on as somebody else's:
 * then it would refuse to start. With the pid of its parent in the file it goes on, and still checks that no process
 * of the dead server has its memory in use. A file without a pid was never finished.
 */
function disown(place: EmbeddedPaths, postmaster: Postmaster): void {
  const path = join(place.cluster, 'postmaster.pid')
  if (postmaster.pid === 0) {
    rmSync(path, { force: true })
    return
  }
  if (!isAlive(postmaster.pid, '')) return
  const { uid, gid, mode } = statSync(path)
  const draft = `${path}.new`
  writeFileSync(draft, readFileSync(path, 'utf8').replace(/^-?\d+/, String(process.pid)), { mode })
  if (process.getuid?.() === 0) chownSync(draft, uid, gid)
  renameSync(draft, path)
}

/** Starts the server and waits until it is ready; a text is the log of one that ended instead. */
async function start(place: EmbeddedPaths, native: string, account: OsUser | undefined): Promise<Postmaster | string> {
  const settings = {
    ...serverSettings(thisMachine(place.dataDir)),
    ...place.settings,
    ...(process.platform === 'win32' ? await loopback() : privateSocket(place, account)),
  }
  const args = ['-D', place.cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
  rotate(place)
  const log = openSync(place.log, 'a', 0o600)
  const logFrom = fstatSync(log).size
  give(place.log, account)
  let ended: string | undefined
  try {
    // Its own session: Ctrl-C in the terminal does not reach it, and it outlives this process.
    const child = spawn(program(native, 'postgres'), args, {
      ...account,
      cwd: '/',
      env: cleanEnvironment(),
      detached: true,
      stdio: ['ignore', log, log],
      windowsHide: true,
    })
    child.once('error', (error) => {
      ended = error.message
    })
    child.once('exit', (code, signal) => {
      ended = `The server ended with ${signal ?? code}.`
    })
    child.unref()
    failpoint('server.spawned')
    for (;;) {
      const postmaster = readPostmaster(place)
      if (postmaster?.pid === child.pid && postmaster?.status === 'ready') return postmaster
      if (ended !== undefined) return `${readFileSync(place.log).subarray(logFrom)}\n${ended}`
      await sleep(5)
    }
  } finally {
    closeSync(log)
  }
}

function privateSocket(place: EmbeddedPaths, account: OsUser | undefined): Record<string, string> {
  const folder = makeSocketDir(place, account)
  return {
    listen_addresses: '',
    port: '5432',
    unix_socket_directories: `"${folder.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700',
  }
}

/** A free port of 127.0.0.1, for Windows. */
async function loopback(): Promise<Record<string, string>> {
  const server = createServer()
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  })
  await new Promise((resolve) => server.close(resolve))
  return { listen_addresses: '127.0.0.1', port: String(port), unix_socket_directories: '' }
}

/** Keeps the log and the one before. */
function rotate(place: EmbeddedPaths): void {
  if ((statSync(place.log, { throwIfNoEntry: false })?.size ?? 0) > maxLogBytes) renameSync(place.log, `${place.log}.1`)
}

function startFailed(place: EmbeddedPaths, log: string): EaError {
  if (/No space left on device|Disk quota exceeded/i.test(log)) return diskFull(place.dataDir, tail(log))
  return new EaError('embedded_start_failed', `The server in ${place.dataDir} does not start: ${tail(log)}`, {
    suggestions: [`Its whole log: ${place.log}`],
    details: { log: place.log },
  })
}

function tail(log: string): string {
  return log.trim().split('\n').slice(-12).join('\n')
}
