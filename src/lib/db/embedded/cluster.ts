/**
 * The cluster on first use: `initdb` and the database `ea`, made in a folder beside and renamed when all of it is there.
 * Killed, or stopped by a full disk, it leaves nothing that looks like a cluster.
 */
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { EaError } from '../../core/errors.js'
import { failpoint } from '../../core/failpoint.js'
import { program } from './binaries.js'
import { type CommandResult, give, type OsUser, runAs } from './os-user.js'
import { diskFull, type EmbeddedPaths } from './paths.js'

/** The superuser and the database. */
const owner = 'ea'

/**
 * Makes the cluster unless it is there. Called under the lock only.
 *
 * @throws EaError `data_dir_other_version`, `disk_full`, `embedded_start_failed`
 */
export async function ensureCluster(place: EmbeddedPaths, native: string, account: OsUser | undefined): Promise<void> {
  requireSameMajor(place)
  for (const name of readdirSync(place.dataDir)) {
    if (/^pg\d+\.new-/.test(name)) removeDraft(join(place.dataDir, name))
  }
  if (existsSync(join(place.cluster, 'PG_VERSION'))) return
  const draft = `${place.cluster}.new-${randomBytes(4).toString('hex')}`
  try {
    mkdirSync(draft, { mode: 0o700 })
    give(draft, account)
    await initialise(place, native, draft, account)
    failpoint('cluster.initialised')
    renameSync(draft, place.cluster)
    syncFolder(place.dataDir)
  } finally {
    removeDraft(draft)
  }
}

/** An `initdb` that outlived its killed command may still write into it; what is left is removed the next time. */
function removeDraft(draft: string): void {
  try {
    rmSync(draft, { recursive: true, force: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error
  }
}

async function initialise(
  place: EmbeddedPaths,
  native: string,
  draft: string,
  account: OsUser | undefined,
): Promise<void> {
  const locale =
    place.major >= 17
      ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C']
      : ['--locale-provider=libc', '--locale=C']
  const password = process.platform === 'win32' ? newPassword(place) : []
  const auth = password.length > 0 ? '--auth=scram-sha-256' : '--auth=trust'
  const args = ['-D', draft, '-U', owner, '-E', 'UTF8', ...locale, auth, ...password, '--no-instructions']
  refuse(place, 'initdb', await runAs(account, program(native, 'initdb'), args))
  const single = ['--single', '-D', draft, 'postgres']
  refuse(
    place,
    'postgres --single',
    await runAs(account, program(native, 'postgres'), single, `CREATE DATABASE ${owner}\n`),
  )
}

/** Where sockets have no owner, everybody on the machine can knock: a random password, readable by its user only. */
function newPassword(place: EmbeddedPaths): string[] {
  writeFileSync(passwordFile(place), randomBytes(24).toString('base64url'), { mode: 0o600 })
  chmodSync(passwordFile(place), 0o600)
  return ['--pwfile', passwordFile(place)]
}

/** The file that holds the password of `ea`, on Windows only. */
function passwordFile(place: EmbeddedPaths): string {
  return join(place.dataDir, 'password')
}

/** Throws when a program of PostgreSQL failed. */
function refuse(place: EmbeddedPaths, name: string, ran: CommandResult): void {
  // A single-user server ends with 0 whatever its statement did.
  if (ran.ok && !/(FATAL|ERROR|PANIC):/.test(ran.stderr)) return
  const said = ran.stderr.trim()
  if (/No space left|ENOSPC|quota exceeded/i.test(said)) throw diskFull(place.dataDir, `${name} had no space left.`)
  throw new EaError('embedded_start_failed', `${name} failed (${ran.end}): ${said.slice(-2000)}`, {
    suggestions: /could not look up effective user ID/.test(said)
      ? ['PostgreSQL needs an account in /etc/passwd for the user id it runs as: add one, or set DATABASE_URL.']
      : ['Fix what it names and run this again, or use a server of your own: set DATABASE_URL.'],
  })
}

/**
 * Refuses a folder with the data of another PostgreSQL major: a new empty cluster beside it would hide the events.
 *
 * @throws EaError `data_dir_other_version`
 */
function requireSameMajor(place: EmbeddedPaths): void {
  const found = readdirSync(place.dataDir)
    .filter((name) => /^pg\d+$/.test(name))
    .map((name) => ({ folder: join(place.dataDir, name), major: majorOf(join(place.dataDir, name)) }))
    .filter(({ major }) => major !== undefined)
  const other = found.find(({ folder }) => folder === place.cluster) ?? found[0]
  if (other === undefined || (other.folder === place.cluster && other.major === place.major)) return
  throw new EaError(
    'data_dir_other_version',
    `${other.folder} holds data of PostgreSQL ${other.major}, and this release of ea brings PostgreSQL ${place.major}.`,
    {
      suggestions: [
        `Keep the events: start PostgreSQL ${other.major} on that folder (or the release of ea that made it: \`ea db start\`), run \`pg_dump -Fc\` there, move the folder away, run \`ea db start\` here and \`pg_restore\` into \`ea db url\`.`,
        'Or begin anew: move the folder away and import the files again.',
      ],
      details: { folder: other.folder, found: other.major, expected: place.major },
    },
  )
}

function majorOf(cluster: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(join(cluster, 'PG_VERSION'), 'utf8'), 10)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}

/** Makes a rename durable; Windows cannot open folders and needs nothing. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const file = openSync(folder, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
