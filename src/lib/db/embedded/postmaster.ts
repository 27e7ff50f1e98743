/**
 * The running server as its `postmaster.pid` tells it, and whether that is true: the file outlives a server that was
 * killed, and its pid may by then be anybody's.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, realpathSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { isAlive } from '../../os/process-identity.js'
import type { EmbeddedPaths } from './paths.js'

export interface Postmaster {
  readonly pid: number
  /** When it started, in epoch seconds. */
  readonly startedAtS: number
  readonly port: number
  /** Empty when it listens on TCP only. */
  readonly socketDir: string
  /** `starting`, `ready`, `stopping`, `standby`, or empty in the first moments. */
  readonly status: string
}

/** What `postmaster.pid` says; undefined when there is none. */
export function readPostmaster(place: EmbeddedPaths): Postmaster | undefined {
  let text: string
  try {
    text = readFileSync(join(place.cluster, 'postmaster.pid'), 'utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
  const lines = text.split('\n')
  return {
    pid: Math.abs(Number.parseInt(lines[0] ?? '', 10)) || 0,
    startedAtS: Number.parseInt(lines[2] ?? '', 10) || 0,
    port: Number.parseInt(lines[3] ?? '', 10) || 0,
    socketDir: lines[4] ?? '',
    status: (lines[7] ?? '').trim(),
  }
}

/** Whether it accepts a connection on its socket (or port): the one proof that holds across containers. */
export function answers(postmaster: Postmaster): Promise<boolean> {
  const { socketDir, port } = postmaster
  if (port === 0) return Promise.resolve(false)
  return new Promise((resolve) => {
    const socket = socketDir
      ? createConnection(join(socketDir, `.s.PGSQL.${port}`))
      : createConnection(port, '127.0.0.1')
    const done = (is: boolean) => {
      socket.destroy()
      resolve(is)
    }
    socket.setTimeout(5000, () => done(true))
    socket.once('connect', () => done(true))
    // EAGAIN: it listens and its queue is full.
    socket.once('error', (error: NodeJS.ErrnoException) => done(error.code === 'EAGAIN'))
  })
}

/** Whether its pid is alive and surely a server in this cluster: what may be waited for and stopped. */
export function isOurs(place: EmbeddedPaths, { pid }: Postmaster): boolean {
  if (pid === 0 || !isAlive(pid, '')) return false
  if (process.platform === 'win32') return true
  const folder = process.platform === 'linux' ? clusterOf(pid) : undefined
  if (folder !== undefined) return isSameFolder(folder, place.cluster)
  return spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout.includes(place.cluster)
}

/** The folder that a server was started with. Its working directory would do, but root in a container may not see it. */
function clusterOf(pid: number): string | undefined {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    const at = words.indexOf('-D')
    return at === -1 ? '' : (words[at + 1] ?? '')
  } catch {
    return undefined
  }
}

function isSameFolder(one: string, other: string): boolean {
  try {
    return realpathSync(one) === realpathSync(other)
  } catch {
    return false
  }
}
