/** The flags of `ea serve`, and their way into options of the library. Defaults are read from there. */
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { Flags } from '@oclif/core'
import { EaError } from '../../core/errors.js'
import { originsOf } from '../../serve/auth/origins.js'
import { type JwtOptions, type ServeOptions, serveDefaults } from '../../serve/http/options.js'
import { formatBytes, parseBytes, parseCount, parseDurationMs } from '../quantity-flags.js'
import { requireTimeZone } from '../time-zone.js'

const access = { helpGroup: 'ACCESS' }
const limits = { helpGroup: 'LIMITS' }
const seconds = (ms: number) => `${ms / 1000}s`

export const serveFlags = {
  host: Flags.string({
    description: 'The address to listen on; 0.0.0.0 or :: is every address of this machine.',
    helpValue: 'ADDRESS',
    env: 'EA_HOST',
    default: serveDefaults.host,
  }),
  port: Flags.string({
    char: 'p',
    description: 'The port to listen on; 0 takes any free port.',
    helpValue: 'PORT',
    env: 'EA_PORT',
    default: String(serveDefaults.port),
  }),
  timezone: Flags.string({
    description: 'Time zone of times without an offset in events sent over HTTP.',
    helpValue: 'ZONE',
    default: serveDefaults.timezone,
  }),
  'spool-dir': Flags.string({
    description:
      'Where events are kept while the database is away (default: a folder for this database in the data folder).',
    helpValue: 'DIR',
  }),
  'store-client-address': Flags.boolean({
    description: 'Store the address of the client with the events of /collect.',
  }),
  'cors-origin': Flags.string({
    description:
      "A website whose pages may send events, such as https://shop.example, or 'https://*.shop.example' for every name below it; '*' is every page. Repeatable. Pages of other websites are refused.",
    helpValue: 'ORIGIN',
    multiple: true,
  }),
  'trust-proxy': Flags.string({
    description:
      'A proxy whose X-Forwarded-For is trusted: an address, a network such as 10.0.0.0/8, or loopback, linklocal, uniquelocal. Repeatable.',
    helpValue: 'ADDRESS',
    multiple: true,
  }),
  'log-level': Flags.string({
    description: 'Log level on stderr; --quiet means warn.',
    options: ['debug', 'info', 'warn', 'error', 'silent'],
    default: serveDefaults.logLevel,
  }),
  insecure: Flags.boolean({
    ...access,
    description: 'Listen beyond this machine without requiring a key.',
  }),
  'public-metrics': Flags.boolean({ ...access, description: 'Do not require a key for /metrics.' }),
  'jwt-jwks-url': Flags.string({
    ...access,
    description: 'URL of the key set (JWKS) of the token issuer.',
    helpValue: 'URL',
    exclusive: ['jwt-secret-file'],
  }),
  'jwt-secret-file': Flags.string({
    ...access,
    description: 'File with the secret that signs the tokens (or the secret itself in EA_JWT_SECRET).',
    helpValue: 'FILE',
  }),
  'jwt-issuer': Flags.string({ ...access, description: 'Required `iss` of a token.', helpValue: 'TEXT' }),
  'jwt-audience': Flags.string({ ...access, description: 'Required `aud` of a token.', helpValue: 'TEXT' }),
  'jwt-algorithms': Flags.string({
    ...access,
    description: 'Accepted signature algorithms, for example RS256,ES256.',
    helpValue: 'NAME,…',
  }),
  'body-limit': Flags.string({
    ...limits,
    description: 'Maximum size of a request body, decompressed.',
    helpValue: 'SIZE',
    default: formatBytes(serveDefaults.bodyLimitBytes),
  }),
  'body-memory': Flags.string({
    ...limits,
    description:
      'The most memory for the bodies of all requests at once; more of them get 503. One alone may be larger.',
    helpValue: 'SIZE',
    default: formatBytes(serveDefaults.bodyMemoryBytes),
  }),
  'request-timeout': Flags.string({
    ...limits,
    description: 'How long a request may take to arrive.',
    helpValue: 'DURATION',
    default: seconds(serveDefaults.requestTimeoutMs),
  }),
  'query-timeout': Flags.string({
    ...limits,
    description: 'How long a question may take in the database.',
    helpValue: 'DURATION',
    default: seconds(serveDefaults.queryTimeoutMs),
  }),
  'rate-limit': Flags.string({
    ...limits,
    description: 'Requests per minute per key, or per address without a key; 0 means no limit.',
    helpValue: 'N',
    default: String(serveDefaults.rateLimit),
  }),
}

/** The flags as oclif parses them. */
export interface GivenServeFlags {
  readonly host: string
  readonly port: string
  readonly timezone: string
  readonly 'store-client-address': boolean
  readonly 'cors-origin'?: readonly string[] | undefined
  readonly 'trust-proxy'?: readonly string[] | undefined
  readonly 'log-level': string
  readonly quiet: boolean
  readonly insecure: boolean
  readonly 'public-metrics': boolean
  readonly 'jwt-jwks-url'?: string | undefined
  readonly 'jwt-secret-file'?: string | undefined
  readonly 'jwt-issuer'?: string | undefined
  readonly 'jwt-audience'?: string | undefined
  readonly 'jwt-algorithms'?: string | undefined
  readonly 'body-limit': string
  readonly 'body-memory': string
  readonly 'request-timeout': string
  readonly 'query-timeout': string
  readonly 'rate-limit': string
}

/**
 * Reads the flags as options.
 *
 * @param spoolDir where the spool is to lie
 * @param env EA_JWT_SECRET
 * @throws EaError `usage`, `file_not_readable`
 */
export async function serveOptions(
  flags: GivenServeFlags,
  spoolDir: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<ServeOptions> {
  return {
    host: requireHost(flags.host),
    port: parseCount('--port', flags.port, { min: 0, max: 65_535 }),
    insecure: flags.insecure,
    jwt: await jwtOptions(flags, env),
    bodyLimitBytes: parseBytes('--body-limit', flags['body-limit'], { min: 1024, max: 1024 ** 3 }),
    bodyMemoryBytes: parseBytes('--body-memory', flags['body-memory'], { min: 1024, max: 1024 ** 4 }),
    requestTimeoutMs: requireTime('--request-timeout', flags['request-timeout']),
    queryTimeoutMs: requireTime('--query-timeout', flags['query-timeout']),
    rateLimit: parseCount('--rate-limit', flags['rate-limit'], { min: 0, max: 1_000_000_000 }),
    trustedProxies: listOf(flags['trust-proxy']).map(requireNetwork),
    corsOrigins: requireOrigins(listOf(flags['cors-origin'])),
    storeClientAddress: flags['store-client-address'],
    publicMetrics: flags['public-metrics'],
    timezone: requireTimeZone(flags.timezone, '--timezone'),
    spoolDir,
    logLevel: flags.quiet ? 'warn' : (flags['log-level'] as ServeOptions['logLevel']),
  }
}

/** The words of a flag that may be repeated or hold commas. */
function listOf(given: readonly string[] | undefined): string[] {
  return (given ?? []).flatMap((text) => text.split(',')).map((text) => text.trim())
}

function requireHost(host: string): string {
  if (host !== '' && !/[\s/:]/.test(host.replace(/^\[(.*)\]$/, '$1'))) return host
  if (isIP(host) === 6) return host
  throw new EaError('usage', `--host must be an address or a name, not ${JSON.stringify(host)}.`, {
    suggestions: ['--host 127.0.0.1', '--host 0.0.0.0 --port 8080'],
  })
}

function requireTime(flag: string, text: string): number {
  const ms = parseDurationMs(flag, text)
  if (ms >= 100 && ms <= 3_600_000) return ms
  throw new EaError('usage', `${flag} must be 100ms to 1h, not ${JSON.stringify(text)}.`)
}

function requireNetwork(text: string): string {
  const [address = '', bits, ...more] = text.split('/')
  const version = isIP(address)
  const isNetwork = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 6 ? 128 : 32))
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text) || (version > 0 && isNetwork && more.length === 0)) {
    return text
  }
  throw new EaError('usage', `--trust-proxy must be an address or a network, not ${JSON.stringify(text)}.`, {
    suggestions: ['--trust-proxy 10.0.0.0/8', '--trust-proxy loopback'],
  })
}

function requireOrigins(texts: readonly string[]): readonly string[] {
  originsOf(texts)
  return texts
}

async function jwtOptions(flags: GivenServeFlags, env: NodeJS.ProcessEnv): Promise<JwtOptions | undefined> {
  const { 'jwt-jwks-url': jwksUrl, 'jwt-secret-file': file, 'jwt-issuer': issuer } = flags
  const { 'jwt-audience': audience, 'jwt-algorithms': algorithms } = flags
  const variable = env.EA_JWT_SECRET || undefined
  if ([jwksUrl, file, issuer, audience, algorithms, variable].every((given) => given === undefined)) return undefined
  const missing = [
    ...((jwksUrl ?? file ?? variable) ? [] : ['--jwt-jwks-url or --jwt-secret-file']),
    ...(issuer ? [] : ['--jwt-issuer']),
    ...(audience ? [] : ['--jwt-audience']),
    ...(algorithms ? [] : ['--jwt-algorithms']),
  ]
  if (missing.length > 0) {
    throw new EaError('usage', `Tokens need ${missing.join(', ')} as well.`, {
      suggestions: ['Give all of them: anyone can write into a token what the server does not check.'],
    })
  }
  const secret = file === undefined ? (jwksUrl === undefined ? variable : undefined) : await readSecret(file)
  return { jwksUrl, secret, issuer: issuer!, audience: audience!, algorithms: listOf([algorithms!]) }
}

/** The text of a file without the line break that editors put after it. */
async function readSecret(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).replace(/\r?\n$/, '')
  } catch (cause) {
    const reason = (cause as Error).message
    throw new EaError('file_not_readable', `--jwt-secret-file cannot be read: ${reason}`, { cause })
  }
}
