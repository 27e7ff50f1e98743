/** When the database is away: events are then kept in the spool, because trying again later will help. And what is not. */

import { EaError } from '../core/errors.js'
import { isTransient, sqlState } from '../db/connect.js'

/** Classes of SQLSTATE that are about the server and not about what it was asked. */
const awayClasses = [
  '08', // connection
  '28', // it does not let this server in: a password that was changed, an account that is locked
  '40', // rolled back: deadlock, serialization
  '53', // no disk, no memory, too many connections
  '57', // shut down, or a timeout
  '58', // its own input and output
]

/** What the system says when the server cannot be found or reached, or there is no socket left to try it. */
const unreachable = [
  ...['ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'ECONNABORTED'],
  ...['EAGAIN', 'EADDRNOTAVAIL', 'EMFILE', 'ENFILE'],
]

/** The lock was not to be had in time, or the server is read-only: a standby, or one that protects its disk. */
const awayStates = ['55P03', '25006', '3D000']

/**
 * Whether an error is about the state of the database and not about the events.
 *
 * @example
 * isUnavailable(error) // true for ECONNREFUSED, 57P01 (the server shuts down), 53100 (its disk is full)
 */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof EaError) return ['database_unreachable', 'database_newer', 'disk_full'].includes(error.code)
  if (isOutOfTime(error)) return false
  const state = sqlState(error)
  if (state !== undefined) return awayStates.includes(state) || awayClasses.includes(state.slice(0, 2))
  return isTransient(error) || isUnreachable(error) || isLostConnection(error)
}

/** Of a call to the system: a container that is stopped takes its name with it. */
function isUnreachable(error: unknown): boolean {
  const { code } = (error ?? {}) as NodeJS.ErrnoException
  return code !== undefined && unreachable.includes(code)
}

/** What `pg` says when the connection was lost between two statements. */
function isLostConnection(error: unknown): boolean {
  return error instanceof Error && /not queryable|Connection ended/i.test(error.message)
}

/** Whether somebody else holds the lock of what is visible: a big import completes. */
export function isLockTimeout(error: unknown): boolean {
  return sqlState(error) === '55P03'
}

/**
 * Whether the server gave up what took longer than it may. That is the fault of the events, or of what is slow with
 * them; the database is there, and others go on.
 */
export function isOutOfTime(error: unknown): boolean {
  const state = sqlState(error)
  return state !== undefined && ['57014', '25P04'].includes(state)
}
