/** Runs programs and measures them from outside: wall time, exit code, peak memory. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const memorySampleMs = 20

export interface Run {
  readonly seconds: number
  /** The most memory the process itself ever held, in MB; undefined where the system does not tell. */
  readonly peakMb: number | undefined
  readonly stdout: string
}

/**
 * Runs a program to its end.
 *
 * @param env is added to the environment; undefined takes a variable away
 * @throws Error with what it wrote to stderr, when it fails
 */
export async function run(
  program: string,
  args: readonly string[],
  options: { env?: Record<string, string | undefined>; input?: string } = {},
): Promise<Run> {
  const began = performance.now()
  const env = { ...process.env, ...options.env }
  for (const [name, value] of Object.entries(env)) if (value === undefined) delete env[name]
  const child = spawn(program, args, { cwd: root, env })
  let stdout = ''
  let stderr = ''
  let peakKb = 0
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.stdin.end(options.input ?? '')
  const sampling = setInterval(() => {
    peakKb = Math.max(peakKb, peakKbOf(child.pid))
  }, memorySampleMs)
  const exit = await new Promise<number | string>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(code ?? signal ?? 'unknown'))
  }).finally(() => clearInterval(sampling))
  const seconds = (performance.now() - began) / 1000
  if (exit !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${exit}:\n${stderr || stdout}`)
  return { seconds, peakMb: peakKb > 0 ? peakKb / 1024 : undefined, stdout }
}

/** Runs the built `ea`. */
export function ea(args: readonly string[], env: Record<string, string | undefined> = {}): Promise<Run> {
  return run(process.execPath, ['bin/run.js', ...args], { env })
}

/** Whether a program can be started. */
export async function has(program: string): Promise<boolean> {
  return run(program, ['--version']).then(
    () => true,
    () => false,
  )
}

/** The high-water mark that Linux keeps for each process. */
function peakKbOf(pid: number | undefined): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}
