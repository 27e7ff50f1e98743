/**
 * As whom the server runs. PostgreSQL refuses root, so a command of root starts it as an unprivileged user; everybody
 * else starts it as themselves.
 */
import { spawn, spawnSync } from 'node:child_process'
import { chownSync, readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { EaError } from '../../core/errors.js'
import type { EmbeddedPaths } from './paths.js'

export interface OsUser {
  readonly uid: number
  readonly gid: number
}

/**
 * The account to switch to, or undefined when the server runs as the caller: the owner of the cluster or of the data
 * folder, else `postgres`, else `nobody`.
 */
export function serverOsUser(place: EmbeddedPaths): OsUser | undefined {
  if (process.getuid?.() !== 0) return undefined
  for (const folder of [place.cluster, place.dataDir]) {
    const owner = statSync(folder, { throwIfNoEntry: false })
    if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  }
  return accountNamed('postgres') ?? accountNamed('nobody') ?? { uid: 65534, gid: 65534 }
}

function accountNamed(name: string): OsUser | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`))
  const [, , uid, gid] = line?.split(':') ?? []
  return Number(uid) > 0 ? { uid: Number(uid), gid: Number(gid) } : undefined
}

/**
 * Makes sure that the account can enter the data folder; asks the kernel, so that whatever grants or denies counts.
 *
 * @throws EaError `data_dir_unreachable` with the first folder on the way that stops it
 */
export function requireReachable(place: EmbeddedPaths, account: OsUser | undefined): void {
  if (account === undefined || canEnter(place.dataDir, account)) return
  const way = [place.dataDir]
  while (dirname(way[0]!) !== way[0]) way.unshift(dirname(way[0]!))
  const barrier = way.find((folder) => !canEnter(folder, account)) ?? place.dataDir
  throw new EaError(
    'data_dir_unreachable',
    `The server runs as ${nameOf(account)} because PostgreSQL refuses root, and ${nameOf(account)} cannot enter ${barrier}.`,
    {
      suggestions: [
        'Name a folder that every user can reach: EA_DATA_DIR=/var/lib/ea.',
        `Or let others pass through it (not read it): chmod o+x ${barrier}`,
      ],
      details: { folder: barrier },
    },
  )
}

function canEnter(folder: string, account: OsUser): boolean {
  const asked = spawnSync('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], { ...account, cwd: '/', stdio: 'ignore' })
  return asked.status === 0
}

/** How a program ended. */
export interface CommandResult {
  readonly ok: boolean
  /** Its exit code, signal, or why it could not be started. */
  readonly end: string
  readonly stderr: string
}

/** Runs a program to its end as the account, with a clean environment, in a folder that everybody can enter. */
export function runAs(
  account: OsUser | undefined,
  program: string,
  args: readonly string[],
  input = '',
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      ...account,
      cwd: process.platform === 'win32' ? dirname(program) : '/',
      env: cleanEnvironment(),
      stdio: ['pipe', 'ignore', 'pipe'],
      // Its own session: Ctrl-C reaches this process only, which then decides.
      detached: process.platform !== 'win32',
      windowsHide: true,
    })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    // A program that ends early reads no more: its exit code says so.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
    child.once('error', (error) => resolve({ ok: false, end: error.message, stderr }))
    child.once('close', (code, signal) => resolve({ ok: code === 0, end: String(signal ?? code), stderr }))
  })
}

/** Nothing of the caller's: PGDATA, PGPORT and the like would change what the server does, HOME belongs to another. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  if (process.platform === 'win32') {
    return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.toUpperCase().startsWith('PG')))
  }
  return { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }
}

function nameOf(account: OsUser): string {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.split(':')[2] === String(account.uid))
  return line === undefined ? `user ${account.uid}` : `user "${line.split(':')[0]}"`
}

/** Gives a folder or file that root made to the server's account. */
export function give(path: string, account: OsUser | undefined): void {
  if (account !== undefined) chownSync(path, account.uid, account.gid)
}
