/**
 * Where the events live: an external database or the embedded one, its schema and its folder. Flags and environment
 * variables come in, a checked `Config` goes out; nothing after it reads the environment for these again.
 */
import { createHash } from 'node:crypto'
import { homedir, userInfo } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import * as z from 'zod'
import { EaError } from './errors.js'

export interface Config {
  /** A PostgreSQL URL; without it the embedded server is used. */
  readonly databaseUrl?: string
  /** The schema that holds the tables. */
  readonly schema: string
  /** The folder of the embedded server, absolute; empty when `databaseUrl` is set and no folder can be told. */
  readonly dataDir: string
}

/** What the flags say; undefined where one was not given. */
export interface GivenConfig {
  readonly databaseUrl?: string | undefined
  readonly schema?: string | undefined
  readonly dataDir?: string | undefined
  /** The data folder of the program by the platform's convention, as oclif tells it. */
  readonly defaultDataDir?: string | undefined
}

/** The schema when none is named. */
export const defaultSchema = 'ea'

const databaseUrl = z
  .string()
  .refine((text) => /^postgres(ql)?:\/\//.test(text), 'must be a URL that begins with postgresql://')
  .refine(
    (text) => !/^postgres(ql)?:\/\//.test(text) || isUrl(text),
    'is not a URL: percent-encode special characters of the user and the password (# is %23, / is %2F, ? is %3F, % is %25), or leave the password out and set PGPASSWORD',
  )

/** Whether a URL means what was meant: a `#`, `/` or `?` in a password ends the part in which it is. */
function isUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { username, password, pathname, hash, search } = new URL(text)
  const isCut = username === '' && (pathname.includes('@') || /^\?[^=&]*@/.test(search))
  return !isCut && hash === '' && [username, password, pathname].every(isPercentEncoded)
}

function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

const schema = z
  .string()
  .refine((text) => Buffer.byteLength(text) >= 1 && Buffer.byteLength(text) <= 63, 'must have 1 to 63 bytes')
  .refine((text) => !text.includes('\0'), 'must not contain NUL')
  .refine((text) => !/^pg_/.test(text) && text !== 'information_schema', 'must not be a name of PostgreSQL itself')
const dataDir = z
  .string()
  .refine((text) => text.length > 0, 'must be a folder')
  .refine((text) => !text.includes('\0'), 'must not contain NUL')

/** The three settings: how each is named on the command line and in the environment, and what it may be. */
const settings = [
  { key: 'databaseUrl', flag: '--database-url', variable: 'DATABASE_URL', type: databaseUrl },
  { key: 'schema', flag: '--schema', variable: 'EA_SCHEMA', type: schema },
  { key: 'dataDir', flag: '--data-dir', variable: 'EA_DATA_DIR', type: dataDir },
] as const

/**
 * Flags win over the environment; an empty variable counts as unset.
 *
 * @param given what the flags say
 * @param env the environment: DATABASE_URL, EA_SCHEMA, EA_DATA_DIR
 * @throws EaError `usage` with every problem at once
 * @example
 * parseConfig({ schema: 'shop' }, {}) // { schema: 'shop', dataDir: '/home/ann/.local/share/ea' }
 */
export function parseConfig(given: GivenConfig = {}, env: NodeJS.ProcessEnv = process.env): Config {
  const problems: string[] = []
  const parsed: { databaseUrl?: string; schema?: string; dataDir?: string } = {}
  for (const { key, flag, variable, type } of settings) {
    const text = given[key] ?? (env[variable] || undefined)
    if (text === undefined) continue
    const result = type.safeParse(text)
    // The value is not repeated: a URL holds a password.
    if (result.success) parsed[key] = result.data
    else problems.push(`${given[key] === undefined ? variable : flag} ${result.error.issues[0]!.message}`)
  }
  const folder = parsed.dataDir ?? standardDataDir(given.defaultDataDir, env)
  if (folder === undefined && parsed.databaseUrl === undefined && problems.length === 0) {
    problems.push('there is no home folder to keep the data in: set EA_DATA_DIR or DATABASE_URL')
  }
  if (problems.length > 0) throw new EaError('usage', `${problems.join('; ')}.`, { details: { problems } })
  return {
    ...(parsed.databaseUrl === undefined ? {} : { databaseUrl: parsed.databaseUrl }),
    schema: parsed.schema ?? defaultSchema,
    dataDir: folder === undefined ? '' : resolve(folder),
  }
}

/** The folder when none is named: `/var/lib/ea` for root on Linux (the server's user must reach it), else the user's. */
function standardDataDir(told: string | undefined, env: NodeJS.ProcessEnv): string | undefined {
  if (process.platform === 'linux' && process.getuid?.() === 0) return '/var/lib/ea'
  // Without HOME a program may have been told a folder below /tmp: events do not belong there.
  if (told && isAbsolute(told) && (env.HOME || env.XDG_DATA_HOME || process.platform === 'win32')) return told
  if (env.XDG_DATA_HOME && isAbsolute(env.XDG_DATA_HOME)) return join(env.XDG_DATA_HOME, 'ea')
  const home = env.HOME || homeOfUser()
  if (!home || !isAbsolute(home)) return undefined
  if (process.platform === 'win32') return join(env.LOCALAPPDATA || join(home, 'AppData', 'Local'), 'ea')
  if (process.platform === 'darwin') return join(home, 'Library', 'Application Support', 'ea')
  return join(home, '.local', 'share', 'ea')
}

/** The home folder of the account; undefined for a user id without an account. */
function homeOfUser(): string | undefined {
  try {
    return userInfo().homedir || homedir()
  } catch {
    return undefined
  }
}

/** The folder of the column store of a database on this machine; undefined where no folder can be told. */
export function columnsFolderOf({ dataDir, databaseUrl, schema }: Config): string | undefined {
  if (dataDir === '') return undefined
  // A password is not part of what a database is.
  const { host, pathname, search } = new URL(databaseUrl ?? 'postgresql:///embedded')
  const key = createHash('sha256').update(JSON.stringify([host, pathname, search, schema]))
  return join(dataDir, 'columns', key.digest('hex').slice(0, 16))
}
