/**
 * Which server a PostgreSQL URL names, and how it is talked to: as libpq reads it, with the variables of the environment
 * that libpq reads. The URL comes in, what the driver needs goes out; passwords are looked for only when one is asked for.
 */
import type pg from 'pg'
import { EaError } from '../../core/errors.js'
import { passwordFromFile } from './password-file.js'
import { type TlsChoice, tlsChoices } from './tls.js'

/** What the driver needs to connect. */
export type ServerAddress = pg.PoolConfig

/** How long a connection may take to be made when the URL and PGCONNECT_TIMEOUT say nothing. */
const defaultConnectTimeoutMs = 10_000

/** Parameters of a URL that are read here and not handed to the driver as they are. */
const ownParameters = new Set([
  ...['host', 'port', 'user', 'password', 'dbname', 'database', 'connect_timeout'],
  ...['ssl', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'sslpassword', 'sslcrl', 'sslcrldir', 'sslsni'],
  ...['uselibpqcompat', 'gssencmode', 'channel_binding', 'target_session_attrs', 'application_name'],
])

/**
 * The addresses to try, in order: more than one where TLS is a preference and not a demand.
 *
 * @throws EaError `usage` for a parameter that has no such value, `database_unreachable` for a certificate that cannot be read
 * @example
 * serverAddresses('postgresql://ann@db.example/shop?sslmode=require')
 */
export function serverAddresses(url: string, env: NodeJS.ProcessEnv = process.env): readonly ServerAddress[] {
  const parsed = new URL(url)
  const parameters = Object.fromEntries(parsed.searchParams)
  const of = (...texts: readonly (string | undefined)[]) => texts.find((text) => text !== undefined && text !== '')
  const host = of(parameters.host, decodeURIComponent(parsed.hostname.replace(/^\[(.+)\]$/, '$1')), env.PGHOST)
  const port = of(parameters.port, parsed.port, env.PGPORT)
  const user = of(parameters.user, decodeURIComponent(parsed.username), env.PGUSER)
  const database = of(
    parameters.dbname,
    parameters.database,
    decodeURIComponent(parsed.pathname.slice(1)),
    env.PGDATABASE,
  )
  const password = of(parameters.password, decodeURIComponent(parsed.password), env.PGPASSWORD)
  const others = Object.entries(parameters).filter(([name]) => !ownParameters.has(name))
  const address: ServerAddress = {
    ...Object.fromEntries(others),
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(user === undefined ? {} : { user }),
    ...(database === undefined ? {} : { database }),
    ...(parameters.application_name ? { application_name: parameters.application_name } : {}),
    connectionTimeoutMillis: connectTimeoutMs(of(parameters.connect_timeout, env.PGCONNECT_TIMEOUT)),
    password: passwordWhenAsked(password, env),
  }
  return tlsChoices(host, parameters, env).map((ssl: TlsChoice) => ({ ...address, ssl }))
}

/** libpq counts in seconds, 0 is for ever, and 1 is taken for 2. */
function connectTimeoutMs(text: string | undefined): number {
  if (text === undefined) return defaultConnectTimeoutMs
  if (!/^\d+$/.test(text)) throw new EaError('usage', `connect_timeout must be a number of seconds, not "${text}".`)
  return text === '0' ? 0 : Math.max(2, Number(text)) * 1000
}

/** What the driver calls when the server asks for a password: without one it would wait until the server gives up. */
function passwordWhenAsked(given: string | undefined, env: NodeJS.ProcessEnv) {
  return async (client?: unknown): Promise<string> => {
    const { host, port, user, database } = (client ?? {}) as Record<string, string | number | undefined>
    const password = given ?? passwordFromFile({ host, port, user, database }, env)
    if (password !== undefined) return password
    throw new EaError(
      'database_unreachable',
      `The server asks for the password of user "${user}", and none is given.`,
      {
        suggestions: [
          'Set PGPASSWORD, add a line to ~/.pgpass, or put the password into the URL: postgresql://USER:PASSWORD@HOST/DATABASE',
        ],
      },
    )
  }
}
