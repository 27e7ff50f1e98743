/**
 * The end of a server: a fast shutdown, which writes a checkpoint, so that the next start has nothing to recover. The
 * last command that used it stops it, unless somebody asked to keep it running.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { EaError } from '../../core/errors.js'
import { tryLock, withLock } from '../../os/numbered-lock.js'
import { isAlive } from '../../os/process-identity.js'
import { program } from './binaries.js'
import { livingClients } from './clients.js'
import type { EmbeddedPaths } from './paths.js'
import { isOurs, type Postmaster, readPostmaster } from './postmaster.js'

const waitMs = 10 * 60_000

/**
 * Stops the server and waits for its end. Called under the lock only.
 *
 * @returns false when the server is none that this process can see, as one of another container
 */
export async function stopPostmaster(place: EmbeddedPaths, postmaster: Postmaster): Promise<boolean> {
  if (!isOurs(place, postmaster)) return false
  askToStop(place, postmaster)
  const startedMs = Date.now()
  while (readPostmaster(place)?.pid === postmaster.pid && isAlive(postmaster.pid, '')) {
    if (Date.now() - startedMs > waitMs) {
      throw new EaError('embedded_start_failed', `The server (pid ${postmaster.pid}) has not stopped in ten minutes.`, {
        suggestions: [`Its log: ${place.log}`],
      })
    }
    await sleep(5)
  }
  removeSocketDir(place, postmaster)
  return true
}

/** One outside the data folder would be left over. */
function removeSocketDir(place: EmbeddedPaths, { socketDir }: Postmaster): void {
  if (socketDir === '' || socketDir === place.socketDir) return
  try {
    rmdirSync(socketDir)
  } catch {
    // Not empty or not ours: it does no harm.
  }
}

function askToStop(place: EmbeddedPaths, postmaster: Postmaster): void {
  if (process.platform === 'win32') {
    // Windows has no signals: pg_ctl speaks to the server's pipe.
    spawnSync(program(place.native, 'pg_ctl'), ['stop', '-D', place.cluster, '-m', 'fast', '-W'], { windowsHide: true })
    return
  }
  try {
    process.kill(postmaster.pid, 'SIGINT')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Whether nobody uses the server, nobody asked to keep it, and it runs. */
function isUnused(place: EmbeddedPaths): boolean {
  const postmaster = readPostmaster(place)
  return postmaster !== undefined && !isKeptRunning(place, postmaster) && livingClients(place).length === 0
}

/** Stops the server when nobody uses it. */
export async function stopWhenUnused(place: EmbeddedPaths): Promise<void> {
  if (!isUnused(place)) return
  await withLock(place.run, async () => {
    const postmaster = readPostmaster(place)
    if (postmaster !== undefined && isUnused(place)) await stopPostmaster(place, postmaster)
  })
}

/**
 * The same while the process exits, when nothing can be awaited: asks the server to stop and waits only until it has
 * heard, so that no other command takes it for a running one. When it cannot, a later command stops the server.
 */
export function stopWhenUnusedNow(place: EmbeddedPaths): void {
  if (!isUnused(place)) return
  const lock = tryLock(place.run)
  if (lock === undefined) return
  try {
    const postmaster = readPostmaster(place)
    if (postmaster === undefined || !isOurs(place, postmaster) || !isUnused(place)) return
    askToStop(place, postmaster)
    for (let waitedMs = 0; waitedMs < 2000 && readPostmaster(place)?.status === 'ready'; waitedMs += 5) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    }
  } finally {
    lock.release()
  }
}

/** Keeps this very server running until it is stopped; one that is started later is not meant. */
export function keepRunning(place: EmbeddedPaths, postmaster: Postmaster): void {
  writeFileSync(place.keep, markOf(postmaster))
}

export function forgetKeeping(place: EmbeddedPaths): void {
  rmSync(place.keep, { force: true })
}

export function isKeptRunning(place: EmbeddedPaths, postmaster: Postmaster): boolean {
  try {
    return readFileSync(place.keep, 'utf8') === markOf(postmaster)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

function markOf(postmaster: Postmaster): string {
  return `${postmaster.pid} ${postmaster.startedAtS}`
}
