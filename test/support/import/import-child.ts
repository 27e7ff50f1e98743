/** Starts imports as processes of their own (import-process.ts), and says how they ended. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import type { ImportOutcome } from '../../../src/lib/import/options.js'
import type { ImportTask } from './import-process.js'

const source = fileURLToPath(new URL('./import-process.ts', import.meta.url))
const kernel = fileURLToPath(new URL('../../../src/lib/load/direct/kernel.wasm', import.meta.url))
const cache = fileURLToPath(new URL('../../../node_modules/.cache/ea-test', import.meta.url))

export interface ImportEnded {
  readonly exit: number | null
  readonly signal: NodeJS.Signals | null
  readonly outcome: ImportOutcome | undefined
  /** The most memory that the process held. */
  readonly peakKb: number | undefined
  readonly error: { readonly name: string; readonly code?: string; readonly message: string } | undefined
  readonly stderr: string
}

export interface ImportChild {
  readonly child: ChildProcess
  readonly pid: number
  readonly ended: Promise<ImportEnded>
  /** Waits until it has told so many events of a type. */
  readonly told: (type: string, times?: number) => Promise<void>
}

/**
 * Starts an import or undo as a process of its own.
 *
 * @param failpoint where it dies or stops: `merge.started@3=kill`
 */
export function importChild(task: ImportTask, failpoint?: string): ImportChild {
  script ??= bundle()
  const child = spawn(process.execPath, [script, JSON.stringify(task)], {
    env: { ...process.env, EA_FAILPOINT: failpoint ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: { event?: string; outcome?: ImportOutcome; peakKb?: number; error?: ImportEnded['error'] }[] = []
  let stdout = ''
  let stderr = ''
  let over = false
  child.stderr.on('data', (text) => {
    stderr += text
  })
  child.stdout.on('data', (text) => {
    stdout += text
    const whole = stdout.split('\n')
    stdout = whole.pop()!
    for (const line of whole) lines.push(JSON.parse(line))
  })
  const ended = once(child, 'close').then(([exit, signal]): ImportEnded => {
    over = true
    const last = lines.at(-1)
    return { exit, signal, outcome: last?.outcome, peakKb: last?.peakKb, error: last?.error, stderr }
  })
  const told = (type: string, times = 1) =>
    until(() => {
      if (over) throw new Error(`ended without telling ${type}: ${JSON.stringify(lines.at(-1))} ${stderr}`)
      return lines.filter((line) => line.event === type).length >= times
    })
  return { child, pid: child.pid!, ended, told }
}

let script: string | undefined

/** The process as one file of JavaScript: a third of the start time, and there are many starts. */
function bundle(): string {
  const { outputFiles } = buildSync({
    entryPoints: [source],
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    write: false,
  })
  const { contents } = outputFiles[0]!
  const path = `${cache}/import-process-${createHash('sha256').update(contents).digest('hex').slice(0, 16)}.mjs`
  mkdirSync(cache, { recursive: true })
  copyFileSync(kernel, `${cache}/kernel.wasm`)
  // Whole or not at all: other test files do the same at the same time.
  writeFileSync(`${path}.${process.pid}`, contents)
  renameSync(`${path}.${process.pid}`, path)
  return path
}

/** Waits until something holds; fails after four minutes. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 240_000
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error('waited for four minutes')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Waits until a process is stopped (SIGSTOP). */
export function untilStopped(pid: number): Promise<void> {
  return until(() => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T')
  })
}
