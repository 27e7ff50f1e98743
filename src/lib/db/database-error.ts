/**
 * An error of the driver or the server as an error for a person: which connection failed why, and what to do next. What
 * is not about the connection or the rights of its role comes back as it is.
 */
import { EaError, type ErrorCode } from '../core/errors.js'
import { isTransient, sqlState } from './connect.js'
import { readingGrants, writingGrants } from './rights.js'

/** What a failure is called and what helps; the text of the driver or server goes into `cause`. */
interface Told {
  readonly message: string
  readonly suggestions: readonly string[]
  readonly code?: ErrorCode
}

const checkUrl = 'Check DATABASE_URL or --database-url, and that the server runs.'
const percentEncode =
  'Percent-encode special characters of a password in the URL (# is %23, / is %2F, @ is %40, % is %25), or set PGPASSWORD.'

/** Where it happened, for those who look for what to do. */
export interface DatabaseContext {
  readonly schema?: string | undefined
  /** The role that the connection has. */
  readonly role?: string | undefined
}

/** An error of the connection or of missing rights as an error for a person; anything else comes back as it is. */
export function asDatabaseError(error: unknown, context: DatabaseContext = {}): unknown {
  if (error instanceof EaError) return error
  const told = ofServer(error) ?? ofRefusal(error, context) ?? ofTls(error) ?? ofNetwork(error)
  if (told !== undefined) return errorOf(told, error)
  if (!isTransient(error)) return error
  return errorOf(
    { message: `The connection to the database was lost: ${textOf(error)}`, suggestions: [checkUrl] },
    error,
  )
}

function errorOf({ code = 'database_unreachable', message, suggestions }: Told, cause: unknown): EaError {
  const state = sqlState(cause)
  return new EaError(code, message, { suggestions, cause, ...(state && { details: { sqlstate: state } }) })
}

/** What the server said, by its SQLSTATE. */
function ofServer(error: unknown): Told | undefined {
  const state = sqlState(error)
  if (state === undefined) return undefined
  const said = textOf(error)
  switch (state) {
    case '28P01':
      return {
        message: `The server refused the password: ${said}.`,
        suggestions: ['Check the user and the password (in the URL, PGPASSWORD or ~/.pgpass).', percentEncode],
      }
    case '28000':
      return /no encryption|SSL off/.test(said)
        ? {
            message: `The server refuses connections without TLS: ${said}.`,
            suggestions: ['Add sslmode=require to the URL.'],
          }
        : /SSL encryption|SSL on/.test(said)
          ? {
              message: `The server refuses this connection with TLS: ${said}.`,
              suggestions: ['Ask for a rule in pg_hba.conf, or try sslmode=disable.'],
            }
          : {
              message: `The server refused the login: ${said}.`,
              suggestions: ['Check the user of the URL, and pg_hba.conf of the server.'],
            }
    case '3D000':
      return {
        message: `The server has no such database: ${said}.`,
        suggestions: ['Check the name of the database at the end of the URL, or make it: `createdb NAME`.'],
      }
    case '53300':
      return {
        message: `The server has no connection left: ${said}.`,
        suggestions: ['Try again later, use fewer connections (`ea import --jobs 1`), or raise max_connections.'],
      }
    case '57P03':
      return {
        message: `The server is starting, stopping or recovering: ${said}.`,
        suggestions: ['Run it again in a moment.'],
      }
    case '57P01':
    case '57P02':
      return {
        message: `The server ended the connection: ${said}.`,
        suggestions: ['Run it again when the server is back: nothing that was committed is lost.'],
      }
    default:
      return undefined
  }
}

/** What the server does not do for this role, or not now. */
function ofRefusal(error: unknown, { schema = 'ea', role = 'ROLE' }: DatabaseContext): Told | undefined {
  const state = sqlState(error)
  const said = textOf(error)
  const code = 'database_refused'
  switch (state) {
    case '42501':
      return {
        code,
        message: `The role has not the rights that this needs: ${said}.`,
        suggestions: [
          `To ask questions: ${readingGrants(schema, role).join('; ')}`,
          `To import, undo and serve: ${writingGrants(schema, role).join('; ')}`,
          'To create or migrate the schema: its owner, or CREATE on the database.',
        ],
      }
    case '25006':
      return {
        code,
        message: `The server only reads: ${said}.`,
        suggestions: ['Use the primary server for what writes; a standby answers questions.'],
      }
    case '57014':
      return {
        code,
        message: `The server ended a statement: ${said}.`,
        suggestions: ['Ask for less, or allow more: ALTER ROLE … SET statement_timeout.'],
      }
    case '55P03':
      return { code, message: `A lock was not free: ${said}.`, suggestions: ['Run it again later.'] }
    case '53100':
      return {
        code: 'disk_full',
        message: `The server has no space left: ${said}.`,
        suggestions: ['Free some space and run it again: nothing that was committed is lost.'],
      }
    default:
      return state?.startsWith('53')
        ? {
            code,
            message: `The server has not enough of what this needs: ${said}.`,
            suggestions: ['Run it again later.'],
          }
        : undefined
  }
}

/** Failures of TLS, by the codes of Node and the texts of the driver. */
function ofTls(error: unknown): Told | undefined {
  const { code = '', message = '' } = (error ?? {}) as NodeJS.ErrnoException
  if (/does not support SSL connections/.test(message)) {
    return {
      message: 'The server does not offer TLS, and sslmode demands it.',
      suggestions: ['Switch TLS on in the server (ssl = on), or allow connections without it: sslmode=prefer.'],
    }
  }
  if (/establishing an SSL connection/.test(message)) {
    return {
      message: 'What answers there does not speak the protocol of PostgreSQL.',
      suggestions: ['Check the host and the port of the URL.'],
    }
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return {
      message: `The certificate of the server is for another host: ${message}`,
      suggestions: ['Use the name in the certificate, or sslmode=verify-ca, which does not compare it.'],
    }
  }
  if (certificateCodes.test(code)) {
    return {
      message: `The certificate of the server cannot be verified: ${message} (${code}).`,
      suggestions: [
        'Name the root certificate that signed it (sslrootcert=FILE), or sslmode=require to encrypt without verifying.',
      ],
    }
  }
  if (/^ERR_(SSL|TLS|OSSL)|^EPROTO$/.test(code) || /secure TLS connection/.test(message)) {
    return {
      message: `TLS to the server failed: ${message}`,
      suggestions: [
        'Check the certificates and the TLS versions of both sides (sslmode, sslrootcert, sslcert, sslkey).',
      ],
    }
  }
  return undefined
}

const certificateCodes = /^(UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|CERT_|CRL_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE)/

/** Failures before anything was said, by the codes of the system. */
function ofNetwork(error: unknown): Told | undefined {
  const { code, syscall, message = '' } = (error ?? {}) as NodeJS.ErrnoException
  const { hostname, address, port } = (error ?? {}) as { hostname?: string; address?: string; port?: number }
  if (syscall === 'getaddrinfo' || code === 'ENOTFOUND') {
    return {
      message: `The host "${hostname ?? ''}" is not known.`,
      suggestions: ['Check the name of the host in DATABASE_URL or --database-url.', percentEncode],
    }
  }
  if (/timeout exceeded when trying to connect/.test(message)) {
    return {
      message: 'No connection to the database became free in time.',
      suggestions: ['Run it again; when it stays so, look for what blocks the server (pg_stat_activity).'],
    }
  }
  if (/connection timeout|timeout expired/i.test(message) || (code === 'ETIMEDOUT' && syscall !== 'read')) {
    return { message: 'The server did not answer in time.', suggestions: [checkUrl] }
  }
  if (syscall !== 'connect' && !(error instanceof AggregateError)) return undefined
  const place = address === undefined ? '' : ` at ${address}${port === undefined ? '' : ` port ${port}`}`
  const why = connectTexts[code ?? ''] ?? textOf(error)
  return { message: `The database cannot be reached${place}: ${why}.`, suggestions: [checkUrl] }
}

const connectTexts: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there (connection refused)',
  ENOENT: 'there is no such socket',
  EACCES: 'this user may not use the socket',
  EHOSTUNREACH: 'there is no way to this host',
  ENETUNREACH: 'there is no way to its network',
  ECONNRESET: 'the connection was cut while it was made',
}

/** The text of an error without the full stop. */
function textOf(error: unknown): string {
  // One attempt for each address of a host.
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error
  return (first instanceof Error ? first.message : String(first)).replace(/\.$/, '')
}
