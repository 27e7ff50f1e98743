/** All that `ea serve` can be told, with its defaults. */
export interface ServeOptions {
  /** The address to listen on. */
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  /** Serve beyond this machine although nobody is asked who they are. */
  readonly insecure: boolean
  /** Who signs tokens; absent: only API keys count. */
  readonly jwt?: JwtOptions | undefined
  /** The largest body, decompressed, in bytes. */
  readonly bodyLimitBytes: number
  /** All bodies that are in memory at once, decompressed, in bytes. */
  readonly bodyMemoryBytes: number
  /** How long a request may take to arrive, in milliseconds. */
  readonly requestTimeoutMs: number
  /** How long a question may take in the database, in milliseconds. */
  readonly queryTimeoutMs: number
  /** Requests per minute for each key or address; 0: no limit. */
  readonly rateLimit: number
  /** Addresses or networks whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[]
  /** Origins whose pages may call /collect and /events, as `originsOf` reads them. */
  readonly corsOrigins: readonly string[]
  /** Whether the address of a client is stored with what it sends to /collect. */
  readonly storeClientAddress: boolean
  /** Whether /metrics asks for no key. */
  readonly publicMetrics: boolean
  /** What a time without offset means: an IANA name. */
  readonly timezone: string
  /** The folder of the spool. */
  readonly spoolDir: string
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

export interface JwtOptions {
  readonly jwksUrl?: string | undefined
  readonly secret?: string | undefined
  readonly issuer: string
  readonly audience: string
  readonly algorithms: readonly string[]
}

export const serveDefaults = {
  host: '127.0.0.1',
  port: 8080,
  insecure: false,
  bodyLimitBytes: 64 * 1024 * 1024,
  bodyMemoryBytes: 256 * 1024 * 1024,
  requestTimeoutMs: 30_000,
  queryTimeoutMs: 30_000,
  rateLimit: 60_000,
  trustedProxies: [],
  corsOrigins: [],
  storeClientAddress: false,
  publicMetrics: false,
  timezone: 'UTC',
  logLevel: 'info',
} as const satisfies Partial<ServeOptions>
