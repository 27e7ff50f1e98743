/** `ea serve` as somebody runs it: a process of its own, on a port of its own, with a database and a data folder. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { binary, builtOnce } from '../binary.js'
import { freshDatabase } from '../postgres/database.js'
import { temporaryFolder } from '../postgres/server.js'

export interface ServeCommand {
  /** Where it listens: `http://127.0.0.1:40123`. */
  readonly url: string
  readonly databaseUrl: string
  readonly dataDir: string
  readonly child: ReturnType<typeof spawn>
  /** All that it has logged so far. */
  readonly stderr: () => string
}

export interface ServeCommandOptions {
  /** Done with the database before the server starts; it gives the URL that the server gets. */
  readonly before?: (databaseUrl: string) => Promise<string>
}

/**
 * Starts it, hands it to `use`, and kills it whatever happens.
 *
 * @example
 * await withServeCommand(['--rate-limit', '2'], async ({ url }) => expect((await fetch(`${url}/stats`)).status).toBe(200))
 */
export async function withServeCommand<T>(
  args: readonly string[],
  use: (running: ServeCommand) => Promise<T>,
  { before }: ServeCommandOptions = {},
): Promise<T> {
  await builtOnce()
  const { url, drop } = await freshDatabase()
  const dataDir = await temporaryFolder()
  try {
    const databaseUrl = (await before?.(url)) ?? url
    const child = spawn(process.execPath, [binary, 'serve', '--port', '0', ...args], {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, DATABASE_URL: databaseUrl, EA_DATA_DIR: dataDir },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const ended = once(child, 'close')
    let stderr = ''
    child.stderr.on('data', (part) => {
      stderr += part
    })
    try {
      const died = ended.then(() => {
        throw new Error(`ea serve ended: ${stderr}`)
      })
      died.catch(() => {})
      const [line] = (await Promise.race([once(createInterface(child.stdout), 'line'), died])) as [string]
      return await use({ url: line, databaseUrl, dataDir, child, stderr: () => stderr })
    } finally {
      child.kill('SIGKILL')
      await ended
    }
  } finally {
    await drop()
    await rm(dataDir, { recursive: true, force: true })
  }
}
