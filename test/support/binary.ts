/**
 * `ea` as a user runs it. A command line is run by the built program in the process of the test, which costs a thirtieth of
 * starting it; what only a process of its own can show (signals, a terminal, `kill`) starts `bin/run.js`. The build is made
 * once per state of the sources; test files that start at the same time wait for the one that builds.
 */
import { execFile, spawn } from 'node:child_process'
import { Console } from 'node:console'
import { mkdirSync, readdirSync, rmdirSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../..', import.meta.url))
export const binary = join(root, 'bin/run.js')

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  /** Beside PATH, HOME and what is named here, the command sees nothing of the environment. */
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** What it writes to is a terminal of this size; only for a command in the process of the test. */
  readonly terminal?: { readonly columns: number; readonly rows: number }
  /** Called once the process runs, to send it signals; such a command always gets a process. */
  readonly onStart?: (child: ReturnType<typeof spawn>) => void
}

let isRunningHere = false

/**
 * Runs one command line to its end. It gets a process of its own when it is to be sent signals, when a failpoint may end
 * it, and while another command runs.
 */
export async function ea(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  if (isRunningHere || options.onStart || options.env?.EA_FAILPOINT) return eaProcess(args, options)
  isRunningHere = true
  try {
    return await runHere(args, options)
  } finally {
    isRunningHere = false
  }
}

/** Runs one command line to its end, in a process of its own. */
export async function eaProcess(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  await builtOnce()
  const child = spawn(process.execPath, [binary, ...args], {
    env: environment(options),
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  options.onStart?.(child)
  // A process that does not read its stdin is no failure of the test.
  child.stdin.on('error', () => {})
  child.stdin.end(options.input ?? '')
  const [stdout, stderr] = [gather(child.stdout), gather(child.stderr)]
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, stdout: await stdout, stderr: await stderr }
}

function environment({ env }: RunOptions): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, HOME: process.env.HOME, ...env }
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** What a command knows of its process is replaced while it runs: environment, streams, exit code, signals. */
async function runHere(args: readonly string[], options: RunOptions): Promise<Ended> {
  await builtOnce()
  const { run } = (await import(`${root}dist/lib/cli/main.js`)) as typeof import('../../src/lib/cli/main.js')
  const [stdout, stderr] = [new Gathered(), new Gathered()]
  if (options.terminal)
    for (const stream of [stdout, stderr]) Object.assign(stream, { isTTY: true, ...options.terminal })
  const replaced = {
    env: environment(options),
    stdin: Readable.from([Buffer.from(options.input ?? '')]),
    stdout,
    stderr,
  }
  const own = Object.keys(replaced).map((name) => [name, Object.getOwnPropertyDescriptor(process, name)!] as const)
  const { exitCode } = process
  const { console } = globalThis
  const listening = signals.map((name) => [name, process.listeners(name)] as const)
  for (const [name, value] of Object.entries(replaced)) {
    Object.defineProperty(process, name, { value, configurable: true, enumerable: true, writable: true })
  }
  process.exitCode = undefined
  globalThis.console = new Console({ stdout, stderr })
  try {
    await run(pathToFileURL(binary).href, args)
    return { code: Number(process.exitCode ?? 0), stdout: `${stdout}`, stderr: `${stderr}` }
  } finally {
    process.exitCode = exitCode
    globalThis.console = console
    for (const [name, descriptor] of own) Object.defineProperty(process, name, descriptor)
    for (const [name, before] of listening) {
      for (const listener of process.listeners(name)) if (!before.includes(listener)) process.off(name, listener)
    }
  }
}

/** Keeps what is written to it. */
class Gathered extends Writable {
  readonly #parts: Buffer[] = []

  override _write(part: Buffer, _encoding: string, done: () => void): void {
    this.#parts.push(part)
    done()
  }

  override toString(): string {
    return Buffer.concat(this.#parts).toString('utf8')
  }
}

async function gather(stream: NodeJS.ReadableStream): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(part as Buffer)
  return Buffer.concat(parts).toString('utf8')
}

let ready: Promise<void> | undefined

/** Builds `dist` unless it is newer than every source. */
export function builtOnce(): Promise<void> {
  ready ??= build()
  return ready
}

async function build(): Promise<void> {
  const lock = join(root, 'node_modules/.ea-build-lock')
  for (;;) {
    if (!isStale()) return
    try {
      mkdirSync(lock)
      break
    } catch {
      // Somebody else builds; a lock that nobody has touched for five minutes was left by one that was killed.
      const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
      if (age > 300_000) rmdirSync(lock)
      await sleep(200)
    }
  }
  try {
    const began = new Date()
    await promisify(execFile)(process.execPath, [join(root, 'bin/build.js')], { cwd: root })
    // What changed while it was built is newer than the build.
    utimesSync(join(root, 'oclif.manifest.json'), began, began)
  } finally {
    rmdirSync(lock)
  }
}

function isStale(): boolean {
  const built = statSync(join(root, 'oclif.manifest.json'), { throwIfNoEntry: false })?.mtimeMs
  if (built === undefined || !statSync(join(root, 'dist/lib/cli/main.js'), { throwIfNoEntry: false })) return true
  const sources = readdirSync(join(root, 'src'), { recursive: true }).map((name) => join(root, 'src', String(name)))
  return [...sources, join(root, 'package.json'), join(root, 'bin/build.js'), join(root, 'bin/page.js')].some(
    (path) => statSync(path).mtimeMs > built,
  )
}
