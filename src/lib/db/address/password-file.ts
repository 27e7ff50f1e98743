/** The password file of libpq (`~/.pgpass`): lines of `host:port:database:user:password`, `*` for any, `\` before `:` and `\`. */
import { readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Whose password is looked for. */
export interface Login {
  readonly host: string | number | undefined
  readonly port: string | number | undefined
  readonly database: string | number | undefined
  readonly user: string | number | undefined
}

/** The password of the first line that fits; undefined when there is none, or the file may be read by others. */
export function passwordFromFile(login: Login, env: NodeJS.ProcessEnv): string | undefined {
  const text = readPrivate(env.PGPASSFILE || standardFile(env))
  if (text === undefined) return undefined
  // A socket in the standard folder is looked for as localhost, like libpq does.
  const host = String(login.host ?? 'localhost')
  const wanted = [host.startsWith('/') ? 'localhost' : host, login.port ?? 5432, login.database, login.user].map(String)
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#')) continue
    const fields = [...line.matchAll(/((?:\\.|[^:\\])*)(?::|$)/g)].map((match) => match[1]!.replaceAll(/\\(.)/g, '$1'))
    const password = fields[4]
    if (password !== undefined && wanted.every((value, index) => fields[index] === '*' || fields[index] === value)) {
      return password
    }
  }
  return undefined
}

function standardFile(env: NodeJS.ProcessEnv): string {
  if (process.platform === 'win32') return join(env.APPDATA ?? homedir(), 'postgresql', 'pgpass.conf')
  return join(env.HOME || homedir(), '.pgpass')
}

/** libpq passes over a file that others may read. */
function readPrivate(path: string): string | undefined {
  try {
    const { mode } = statSync(path)
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) return undefined
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
