/**
 * The PostgreSQL of a test run: an embedded server in a temporary folder, started by the library itself.
 * EA_TEST_POSTGRES=16 or 17 takes the programs of an older major from `test/older-postgres` instead.
 */
import { existsSync, statfsSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { EmbeddedOptions } from '../../../src/lib/db/embedded/paths.js'
import { withEmbeddedServer } from '../../../src/lib/db/embedded/server.js'

/** Nothing of a test has to survive a power cut. */
const fast = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', shared_buffers: '256MB' }

/** Starts a server in a folder of its own; `url` names its database `postgres`. It ends with the run, however it ends. */
export async function startTestServer(): Promise<{ url: string; stop: () => Promise<void> }> {
  const dataDir = await temporaryFolder(fastRoot())
  const options: EmbeddedOptions = { settings: fast, ...olderPostgres(process.env.EA_TEST_POSTGRES) }
  let finish = () => {}
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  const [url, ended] = await new Promise<[string, Promise<void>]>((resolve, reject) => {
    const running = withEmbeddedServer(
      dataDir,
      (started) => {
        resolve([started, running])
        return finished
      },
      options,
    )
    running.catch(reject)
  })
  return {
    url: url.replace(/\/ea(?=\?|$)/, '/postgres'),
    stop: async () => {
      finish()
      await ended
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

/** A new folder that every user of the machine can pass through, for servers that run as somebody else. */
export async function temporaryFolder(root = tmpdir()): Promise<string> {
  const folder = await mkdtemp(join(root, 'ea-test-'))
  await chmod(folder, 0o711)
  return folder
}

const plenty = 6 * 1024 ** 3

/**
 * Where a server keeps its data: in memory where that has plenty of room. Each test makes and removes dozens of small files,
 * which costs a disk as much as all the rest. TMPDIR names another place.
 */
export function fastRoot(): string {
  const memory = '/dev/shm'
  if (process.env.TMPDIR || !existsSync(memory)) return tmpdir()
  const { bavail, bsize } = statfsSync(memory)
  return bavail * bsize > plenty && process.availableMemory() > plenty ? memory : tmpdir()
}

/** The programs of an older major: `npm ci` in test/older-postgres brings them. */
export function olderPostgres(major: string | undefined): { native?: string } {
  if (!major || major === '18') return {}
  const native = fileURLToPath(new URL(`../../older-postgres/node_modules/postgres-${major}/native`, import.meta.url))
  if (!existsSync(native)) throw new Error(`No PostgreSQL ${major} here: run npm ci in test/older-postgres.`)
  return { native }
}
