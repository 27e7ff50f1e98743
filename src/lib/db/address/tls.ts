/**
 * TLS to the server, as libpq's `sslmode` means it. The driver knows only TLS or none, so a preference becomes two
 * choices, of which the first that connects is kept.
 */
import { readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { ConnectionOptions } from 'node:tls'
import { EaError } from '../../core/errors.js'

/** One way to connect: without TLS, or with these options. */
export type TlsChoice = false | ConnectionOptions

const modes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
type Mode = (typeof modes)[number]

/**
 * The ways to try, in order.
 *
 * @param host a path is a Unix socket, which has no TLS
 * @param parameters those of the URL; `env` has their PGSSL… counterparts
 */
export function tlsChoices(
  host: string | undefined,
  parameters: Readonly<Record<string, string>>,
  env: NodeJS.ProcessEnv,
): readonly TlsChoice[] {
  const given = (name: string) => parameters[name] || env[`PG${name.toUpperCase()}`] || undefined
  const mode = modeOf(given, parameters.ssl)
  if (host?.startsWith('/') || mode === 'disable') return [false]
  const tls = optionsOf(mode, given, env)
  if (mode === 'allow') return [false, tls]
  return mode === 'prefer' ? [tls, false] : [tls]
}

function modeOf(given: (name: string) => string | undefined, ssl: string | undefined): Mode {
  const text = given('sslmode')
  // A spelling of the driver for a demand without any check, which is what libpq calls require.
  if (text === 'no-verify' || ssl === 'no-verify') return 'require'
  if (text !== undefined) {
    if ((modes as readonly string[]).includes(text)) return text as Mode
    throw new EaError('usage', `sslmode must be one of ${modes.join(', ')}, not "${text}".`)
  }
  if (given('sslrootcert') === 'system') return 'verify-full'
  if (ssl === undefined) return 'prefer'
  return ['true', '1'].includes(ssl) ? 'require' : 'disable'
}

function optionsOf(mode: Mode, given: (name: string) => string | undefined, env: NodeJS.ProcessEnv): ConnectionOptions {
  const file = (name: string, standard: string) => {
    const path = given(name)
    if (path !== undefined) return read(name, path)
    const inHome = join(env.HOME || homedir(), '.postgresql', standard)
    return isFile(inHome) ? read(name, inHome) : undefined
  }
  const usesSystemRoots = given('sslrootcert') === 'system'
  const ca = usesSystemRoots ? undefined : file('sslrootcert', 'root.crt')
  const cert = file('sslcert', 'postgresql.crt')
  const key = cert === undefined ? undefined : file('sslkey', 'postgresql.key')
  const passphrase = given('sslpassword')
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...checksOf(mode, ca !== undefined),
  }
}

/** With a root certificate at hand, `require` checks it, as in libpq. */
function checksOf(mode: Mode, hasRoot: boolean): ConnectionOptions {
  if (mode === 'verify-full') return {}
  if (mode === 'verify-ca' || (mode === 'require' && hasRoot)) return { checkServerIdentity: () => undefined }
  return { rejectUnauthorized: false }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}

function read(name: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new EaError('database_unreachable', `The file of ${name} cannot be read: ${(error as Error).message}`, {
      suggestions: [`Name a file that you may read: ${name}=/path/to/file in the URL.`],
      cause: error,
    })
  }
}
