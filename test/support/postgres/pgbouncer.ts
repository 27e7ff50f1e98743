/** A PgBouncer of the test's own in front of the test server: transaction mode, two server connections, a Unix socket. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { until } from '../import/import-child.js'
import { databaseUrl } from './database.js'
import { temporaryFolder } from './server.js'

/** Where the program is; undefined: it is not installed. */
export function findPgBouncer(): string | undefined {
  const found = ['pgbouncer', '/usr/sbin/pgbouncer'].find((path) => spawnSync(path, ['--version']).status === 0)
  return found
}

export const poolSize = 2
const port = 6432

/**
 * Runs `use` with a function that gives the URL of a database behind PgBouncer.
 *
 * @param serverUrl the server behind it
 */
export async function withPgBouncer<T>(
  program: string,
  serverUrl: string,
  use: (urlOf: (database: string) => string) => Promise<T>,
): Promise<T> {
  const folder = await temporaryFolder()
  const own = `${folder}/pgbouncer`
  mkdirSync(own)
  const account = accountFor(serverUrl)
  if (account) chownSync(own, account.uid, account.gid)
  writeFileSync(`${folder}/pgbouncer.ini`, configuration(serverUrl, own), { mode: 0o644 })
  const child = spawn(program, ['-q', `${folder}/pgbouncer.ini`], {
    ...account,
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', (text) => {
    stderr += text
  })
  const ended = once(child, 'close')
  try {
    await until(() => {
      if (child.exitCode !== null) throw new Error(`PgBouncer does not start: ${stderr}`)
      return accepts(`${own}/.s.PGSQL.${port}`)
    })
    return await use((database) => databaseUrl(`postgresql://anyone@localhost:${port}/x?host=${own}`, database))
  } finally {
    child.kill('SIGKILL')
    await ended
    await rm(folder, { recursive: true, force: true })
  }
}

/** Whether somebody listens: the socket is there a moment earlier, and refuses. */
function accepts(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket, () => resolve(true))
    connection.on('error', () => resolve(false)).on('connect', () => connection.destroy())
  })
}

function configuration(serverUrl: string, socketDir: string): string {
  const { host, port: serverPort, user, password } = partsOf(serverUrl)
  return `[databases]
* = host=${host} port=${serverPort} user=${user}${password ? ` password=${password}` : ''}
[pgbouncer]
listen_addr =
listen_port = ${port}
unix_socket_dir = ${socketDir}
auth_type = any
pool_mode = transaction
default_pool_size = ${poolSize}
max_client_conn = 100
`
}

function partsOf(serverUrl: string): { host: string; port: string; user: string; password: string } {
  const url = new URL(serverUrl)
  return {
    host: url.searchParams.get('host') ?? url.hostname,
    port: url.port || '5432',
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  }
}

/** PgBouncer refuses root; whoever owns the server's socket can reach it. */
function accountFor(serverUrl: string): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const { host, port: serverPort } = partsOf(serverUrl)
  const socket = statSync(`${host}/.s.PGSQL.${serverPort}`, { throwIfNoEntry: false })
  return socket && socket.uid !== 0 ? { uid: socket.uid, gid: socket.gid } : { uid: 65534, gid: 65534 }
}
