/**
 * `ea` as a user runs it: bin/run.js as a process of its own. The build is made once per state of the sources; test
 * files that start at the same time wait for the one that builds.
 */
import { execFile, spawn } from 'node:child_process'
import { mkdirSync, readdirSync, rmdirSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../..', import.meta.url))
export const binary = join(root, 'bin/run.js')

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  /** Beside PATH, HOME and what is named here, the process sees nothing of the environment. */
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** Called once the process runs, to send it signals. */
  readonly onStart?: (child: ReturnType<typeof spawn>) => void
}

/** Runs one command line to its end. */
export async function ea(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  await builtOnce()
  const child = spawn(process.execPath, [binary, ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...options.env },
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
  return [...sources, join(root, 'package.json'), join(root, 'bin/build.js')].some(
    (path) => statSync(path).mtimeMs > built,
  )
}
