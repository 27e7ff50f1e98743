/** `ea serve` as a process of its own, for tests that kill it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { binary, builtOnce } from '../support/binary.js'

export interface ServeTask {
  readonly databaseUrl: string
  readonly spoolDir: string
  /** Where it dies: `http.committed@2=kill`. */
  readonly failpoint?: string
}

export interface ServeProcess {
  readonly child: ChildProcess
  /** Where it listens; fails when it ends before. */
  readonly url: Promise<string>
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  readonly stderr: () => string
}

/** Starts it; whoever starts it ends it. */
export async function startServe({ databaseUrl, spoolDir, failpoint }: ServeTask): Promise<ServeProcess> {
  await builtOnce()
  const args = ['serve', '--port', '0', '--spool-dir', spoolDir, '--log-level', 'warn']
  const child = spawn(process.execPath, [binary, ...args], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      DATABASE_URL: databaseUrl,
      ...(failpoint !== undefined && { EA_FAILPOINT: failpoint }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', (part) => {
    stderr += part
  })
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }))
  const url = Promise.race([
    once(createInterface(child.stdout), 'line').then(([line]) => line as string),
    ended.then(() => {
      throw new Error(`ended before it listened: ${stderr}`)
    }),
  ])
  url.catch(() => {})
  return { child, url, ended, stderr: () => stderr }
}
