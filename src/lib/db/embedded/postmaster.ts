/**
 * The running server as its `postmaster.pid` tells it, and whether that is true: the file outlives a server that was
 * killed, and its pid may by then be anybody's.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { isAlive } from '../../process-identity.js'
import type { Place } from './place.js'

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
export function readPostmaster(place: Place): Postmaster | undefined {
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
export function isOurs(place: Place, postmaster: Postmaster): boolean {
  const { pid } = postmaster
  if (pid <= 1 && process.platform !== 'linux') return false
  if (!isAlive(pid, '')) return false
  if (process.platform === 'linux') {
    try {
      // A server's working directory is its cluster.
      return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(place.cluster)
    } catch {
      return false
    }
  }
  if (process.platform === 'win32') return true
  return spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout.includes(place.cluster)
}
