/** `ea serve` as a process of its own, on a free port of this machine, and what is asked of it from outside. */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const startLimitMs = 30_000
const stopLimitMs = 60_000

export interface Serving {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string
  /** The memory of the process now, in MB. */
  residentMb(): Promise<number>
  /** The sum of a metric over all its labels that hold `labels`, 0 when it is not there. */
  metric(name: string, labels?: Record<string, string>): Promise<number>
}

/**
 * Starts a server for a database that is migrated, hands it to `use`, and stops it politely.
 *
 * @throws Error with what it wrote, when it does not start, dies meanwhile or does not end with 0
 */
export async function withServing<T>(databaseUrl: string, use: (serving: Serving) => Promise<T>): Promise<T> {
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'ea-bench-'))
  // Nobody is kept out: what is measured is the work and not the limit.
  const args = ['serve', '--port', String(port), '--data-dir', folder, '--rate-limit', '0', '--log-level', 'warn']
  const child = spawn(process.execPath, ['bin/run.js', ...args], {
    cwd: root,
    env: { ...process.env, NODE_ENV: 'production', DATABASE_URL: databaseUrl },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let written = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      written = (written + text).slice(-10_000)
    })
  }
  const ended = new Promise<number | string>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(code ?? signal ?? 'unknown'))
  })
  const url = `http://127.0.0.1:${port}`
  const died = ended.then((exit) => {
    throw new Error(`ea serve ended with ${exit}:\n${written}`)
  })
  died.catch(() => {})
  try {
    await Promise.race([ready(url), died])
    return await Promise.race([use(asked(url, child.pid!)), died])
  } finally {
    child.kill('SIGTERM')
    const exit = await Promise.race([ended, sleep(stopLimitMs, 'nothing in time', { ref: false })])
    child.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
    if (exit !== 0) process.stderr.write(`ea serve ended with ${exit}:\n${written}\n`)
  }
}

async function ready(url: string): Promise<void> {
  for (const began = performance.now(); performance.now() - began < startLimitMs; await sleep(50)) {
    const answer = await fetch(`${url}/ready`).catch(() => undefined)
    if (answer?.ok) return
  }
  throw new Error(`ea serve is not ready after ${startLimitMs / 1000} s`)
}

function asked(url: string, pid: number): Serving {
  return {
    url,
    residentMb: async () => Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024,
    metric: async (name, labels = {}) => {
      const lines = (await (await fetch(`${url}/metrics`)).text()).split('\n')
      const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
      return lines
        .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
        .filter((line) => wanted.every((pair) => line.includes(pair)))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
    },
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
