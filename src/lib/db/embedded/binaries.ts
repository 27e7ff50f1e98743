/**
 * The programs of PostgreSQL, ready to run as the server's account. Normally they run from the package. They are copied
 * beside the data when that account cannot read the package (below /root), or when links of its libraries are missing
 * (npm did not run the install script) and cannot be made there.
 */
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { EaError } from '../../core/errors.js'
import { type CommandResult, type OsUser, runAs } from './os-user.js'
import type { EmbeddedPaths } from './paths.js'

const suffix = process.platform === 'win32' ? '.exe' : ''

/** A program's path in a folder with `bin`, `lib` and `share`. */
export function program(native: string, name: 'initdb' | 'postgres' | 'pg_ctl'): string {
  return join(native, 'bin', `${name}${suffix}`)
}

/**
 * A folder whose programs run as `account`. Called under the lock only.
 *
 * @throws EaError `embedded_unsupported_platform` when they do not run here at all
 */
export async function runnableNative(place: EmbeddedPaths, account: OsUser | undefined): Promise<string> {
  const copy = join(place.dataDir, `postgresql-${place.version}`)
  if (existsSync(copy)) return copy
  if (makeLinks(place.native) && (await check(place.native, account)).ok) return place.native
  copyNative(place, copy)
  const tried = await check(copy, account)
  if (tried.ok) return copy
  rmSync(copy, { recursive: true, force: true })
  const reason = `${tried.end} ${tried.stderr}`.trim()
  throw new EaError('embedded_unsupported_platform', `The embedded PostgreSQL does not run here: ${reason}`, {
    suggestions: [
      'It needs glibc (Debian, Ubuntu, Fedora …; not Alpine) and a folder from which programs may run (no noexec).',
      'Use a server of your own: set DATABASE_URL.',
    ],
  })
}

/** Whether the programs run: another account may not reach them. */
function check(native: string, account: OsUser | undefined): Promise<CommandResult> {
  return runAs(account, program(native, 'postgres'), ['--version'])
}

interface Link {
  /** What is linked to, from the package's folder. */
  readonly source: string
  readonly target: string
}

/** Makes the links that are missing; false when it may not. */
function makeLinks(native: string): boolean {
  const list = join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return true
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as Link[]) {
    const path = join(native, '..', target.replace(/^native(?=\/)/, basename(native)))
    if (existsSync(path)) continue
    try {
      symlinkSync(basename(source), path)
    } catch (error) {
      // Another command with the same package may just have made it.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false
    }
  }
  return true
}

/** Copies what is needed to run, whole or not at all, and removes copies of other releases. */
function copyNative(place: EmbeddedPaths, copy: string): void {
  const draft = `${copy}.new`
  try {
    rmSync(draft, { recursive: true, force: true })
    cpSync(place.native, draft, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => !/\.a$|[\\/](pkgconfig|pgxs|include)$/.test(path),
    })
    makeLinks(draft)
    for (const folder of [draft, ...foldersIn(draft)]) chmodSync(folder, 0o755)
    renameSync(draft, copy)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
  for (const name of readdirSync(place.dataDir)) {
    if (name.startsWith('postgresql-') && name !== basename(copy)) {
      rmSync(join(place.dataDir, name), { recursive: true, force: true })
    }
  }
}

function foldersIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
}
