/** Real processes around one data folder: starts them, reads what they say, kills them. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Config } from '../../../src/lib/core/config.js'
import { embeddedStatus, stopEmbedded } from '../../../src/lib/db/embedded/server.js'
import { fastRoot, temporaryFolder } from './server.js'

const script = fileURLToPath(new URL('./embedded-command.ts', import.meta.url))
const root = fileURLToPath(new URL('../../../', import.meta.url))

export const isRoot = process.getuid?.() === 0
/** An account without rights, for tests that need one; they are skipped when the tests do not run as root. */
export const nobody = { uid: 65534, gid: 65534 }

/** What a command of embedded-command.ts says: what it sees, or its error. */
interface Said {
  readonly cluster: string
  readonly started: string
  readonly notes: readonly string[] | null
  readonly url: string
  readonly code?: string
  readonly message?: string
  readonly hints?: readonly string[]
}

export interface Ended {
  readonly exit: number | null
  readonly signal: NodeJS.Signals | null
  readonly said: Said | undefined
  readonly stderr: string
}

export interface Command {
  readonly child: ChildProcess
  /** The first line that it says. */
  readonly said: Promise<Said>
  readonly ended: Promise<Ended>
}

/** Starts a command on a data folder. */
export function command(
  dataDir: string,
  words: readonly string[],
  options: { uid?: number; gid?: number; env?: NodeJS.ProcessEnv } = {},
): Command {
  const { env, ...account } = options
  const child = spawn(process.execPath, ['--import', 'tsx', script, dataDir, ...words], {
    ...account,
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stderr.on('data', (text) => {
    stderr += text
  })
  const said = new Promise<Said>((resolve, reject) => {
    child.stdout.on('data', (text) => {
      stdout += text
      if (stdout.includes('\n')) resolve(JSON.parse(stdout.split('\n')[0]!) as Said)
    })
    child.once('close', () => reject(new Error(`said nothing: ${stderr}`)))
  })
  said.catch(() => {})
  const ended = once(child, 'close').then(([exit, signal]) => ({
    exit,
    signal,
    said: stdout.includes('\n') ? (JSON.parse(stdout.split('\n')[0]!) as Said) : undefined,
    stderr,
  }))
  return { child, said, ended }
}

/** Runs a command to its end. */
export function run(
  dataDir: string,
  words: readonly string[],
  options: { uid?: number; gid?: number; env?: NodeJS.ProcessEnv } = {},
): Promise<Ended> {
  const started = command(dataDir, words, options)
  started.child.stdin?.end()
  return started.ended
}

export function configOf(dataDir: string): Config {
  return { schema: 'ea', dataDir }
}

/** Hands out a new data folder; stops what runs in it and removes it afterwards. */
export async function withDataDir<T>(use: (dataDir: string) => Promise<T>): Promise<T> {
  const folder = await temporaryFolder(fastRoot())
  const dataDir = `${folder}/data`
  try {
    return await use(dataDir)
  } finally {
    await stopEmbedded(configOf(dataDir), { force: true })
    await rm(folder, { recursive: true, force: true })
  }
}

/** Whether a server runs in the folder. */
export async function isRunning(dataDir: string): Promise<boolean> {
  return (await embeddedStatus(configOf(dataDir))).running
}

/** Waits until something holds. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10))
}
