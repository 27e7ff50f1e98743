/**
 * The terminal of a newcomer: one bash with a folder, a home, a database and a port of its own, `ea` on its PATH and
 * `examples/` beside it. Commands are typed into it one after the other; what they print on stdout and stderr comes back.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { binary, builtOnce } from '../support/binary.js'
import { freshDatabase } from '../support/postgres/database.js'
import { type DatabaseGate, withDatabaseGate } from '../support/postgres/database-gate.js'
import { temporaryFolder } from '../support/postgres/server.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Stands behind the output of each command; no text of ours has it. */
const end = '\x1e'
const startTimeoutMs = 240_000

export interface Shell {
  /** The folder in which the commands run. */
  readonly folder: string
  /** What the server of the text listens on in truth, where the text says 8080. */
  readonly port: number
  /**
   * Runs a command to its end; one that ends in `&` until it has printed as many lines as the text shows.
   *
   * @param lineCount how many lines a command in the background should print
   */
  readonly run: (command: string, lineCount: number) => Promise<{ output: string; exitCode: number }>
  /** Takes the database away, or gives it back. */
  readonly database: (state: string) => Promise<void>
}

/** Opens such a terminal, hands it to `use`, and ends what was started in it by its process ids. */
export async function withShell<T>(use: (shell: Shell) => Promise<T>): Promise<T> {
  await builtOnce()
  const { url, drop } = await freshDatabase()
  const place = await temporaryFolder()
  try {
    return await withDatabaseGate(url, async (gate) => {
      const folder = join(place, 'shop')
      const [port] = await Promise.all([freePort(), furnish(place, folder)])
      const env = {
        PATH: `${join(place, 'path')}:${process.env.PATH}`,
        HOME: join(place, 'home'),
        LANG: 'C.UTF-8',
        DATABASE_URL: gate.url,
        EA_DATA_DIR: join(place, 'data'),
        EA_PORT: String(port),
      }
      const session = startSession(folder, env)
      try {
        return await use({ folder, port, run: session.run, database: (state) => setDatabase(gate, state) })
      } finally {
        await session.end()
      }
    })
  } finally {
    await drop()
    await rm(place, { recursive: true, force: true })
  }
}

async function setDatabase(gate: DatabaseGate, state: string): Promise<void> {
  if (state !== 'away' && state !== 'back') throw new Error(`The database is away or back, not ${state}.`)
  await (state === 'away' ? gate.shut() : gate.open())
}

/** What somebody has after the set-up of the README: the commands, the examples, `bin/run.js`. */
async function furnish(place: string, folder: string): Promise<void> {
  await Promise.all(['shop', 'home', 'path'].map((name) => mkdir(join(place, name))))
  await symlink(join(root, 'examples'), join(folder, 'examples'))
  await symlink(join(root, 'bin'), join(folder, 'bin'))
  // On a terminal, where its output is seen, curl shows no meter.
  await writeFile(join(place, 'home', '.curlrc'), 'no-progress-meter\n')
  // Installed and built is what runs this test; of npm the text may ask for nothing else.
  const npm = 'case "$*" in ci | "run build") exit 0 ;; *) echo "npm $*: not here" >&2; exit 1 ;; esac'
  for (const [name, body] of [
    ['ea', `exec '${process.execPath}' '${binary}' "$@"`],
    ['npm', npm],
  ] as const) {
    await writeFile(join(place, 'path', name), `#!/bin/sh\n${body}\n`)
    await chmod(join(place, 'path', name), 0o755)
  }
}

function startSession(folder: string, env: Record<string, string>) {
  // A process group of its own: should something not end when it is asked to, all of it can be ended at once.
  const bash = spawn('bash', ['--norc'], { cwd: folder, env, detached: true, stdio: ['pipe', 'pipe', 'ignore'] })
  const closed = once(bash, 'close')
  bash.stdin.on('error', () => {})
  let printed = ''
  bash.stdout.setEncoding('utf8').on('data', (part: string) => {
    printed += part
  })
  // Should the run of the tests be killed, its end of the pipe closes, and nothing is left behind.
  bash.stdin.write("exec 2>&1; trap 'kill $(jobs -p) 2>/dev/null' EXIT\n")

  const until = async (what: string, isTrue: () => boolean) => {
    for (const deadline = Date.now() + startTimeoutMs; !isTrue(); await sleep(5)) {
      if (bash.exitCode !== null) throw new Error(`The shell ended: ${what}\n${printed}`)
      if (Date.now() > deadline) throw new Error(`No end after ${startTimeoutMs / 1000} s: ${what}\n${printed}`)
    }
  }

  return {
    async run(command: string, lineCount: number) {
      printed = ''
      const quoted = `'${command.replaceAll("'", `'\\''`)}'`
      // The exit code survives, for a text that asks `echo $?`.
      bash.stdin.write(`eval ${quoted} </dev/null\nlast=$?; printf '${end}%d${end}' $last; (exit $last)\n`)
      const done = new RegExp(`${end}(\\d+)${end}`)
      await until(command, () => done.test(printed))
      const exitCode = Number(done.exec(printed)![1])
      // CSV over HTTP ends its lines by CRLF; on a terminal nobody sees the difference.
      const output = () => printed.replace(done, '').replaceAll('\r\n', '\n').trimEnd()
      if (/&\s*$/.test(command)) await until(command, () => output() !== '' && output().split('\n').length >= lineCount)
      return { output: output(), exitCode }
    },
    async end() {
      bash.stdin.end('kill $(jobs -p) 2>/dev/null; wait\n')
      const inTime = await Promise.race([closed.then(() => true), sleep(30_000, false, { ref: false })])
      if (inTime) return
      process.kill(-bash.pid!, 'SIGKILL')
      await closed
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
