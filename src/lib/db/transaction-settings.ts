/**
 * How a transaction begins: with settings of its own, whatever the role, the database or the server prefer, so that no
 * text, number or error depends on them. They are SET LOCAL, in the message that begins the transaction: no round trip
 * more, and nothing that outlives it behind PgBouncer in transaction mode. Proven by test/db/role-settings.db.test.ts.
 */

/** How a transaction sees others, whether it may write, and how long it waits for a lock. */
export interface TransactionOptions {
  readonly isolation?: 'read committed' | 'repeatable read'
  readonly readOnly?: boolean
  /** A wait for a lock that takes longer ends the transaction; a writing transaction waits as long as it must when absent. */
  readonly lockTimeoutMs?: number | undefined
}

/** What changes how values are written and read, and what a statement means. */
const meanings = [
  ['DateStyle', 'ISO, YMD'],
  ['IntervalStyle', 'postgres'],
  ['TimeZone', 'UTC'],
  ['extra_float_digits', '1'],
  ['bytea_output', 'hex'],
  ['search_path', 'pg_catalog'],
  ['standard_conforming_strings', 'on'],
  ['transform_null_equals', 'off'],
  ['array_nulls', 'on'],
  ['quote_all_identifiers', 'off'],
  ['exit_on_error', 'off'],
  // Between two statements this process works, and it ends a transaction as soon as it can.
  ['idle_in_transaction_session_timeout', '0'],
] as const

/**
 * A limit that suits the questions of a role would end every large import: its transactions are as long as they must be.
 * Questions keep the limits of their role.
 */
const unlimited = [
  ['statement_timeout', '0'],
  ['lock_timeout', '0'],
] as const

// PostgreSQL 16 has no transaction_timeout.
const noTransactionTimeout = `CASE WHEN current_setting('transaction_timeout', true) <> '0' THEN set_config('transaction_timeout', '0', true) END`

/** The statements that begin a transaction; the last one answers with the pid of its backend. */
export function openingOf(options: TransactionOptions): string {
  const { isolation = 'read committed', readOnly = false } = options
  return statementsOf(
    `BEGIN ISOLATION LEVEL ${isolation} ${readOnly ? 'READ ONLY' : 'READ WRITE'}`,
    readOnly ? [] : unlimited,
    options.lockTimeoutMs,
    readOnly ? '' : `, ${noTransactionTimeout}`,
  )
}

/** The same around a single statement that only reads: also on a standby, which refuses to begin what may write. */
export function openingOfReading(lockTimeoutMs?: number): string {
  return statementsOf('BEGIN ISOLATION LEVEL READ COMMITTED', [], lockTimeoutMs, '')
}

function statementsOf(
  begin: string,
  limits: readonly (readonly [string, string])[],
  lockTimeoutMs: number | undefined,
  more: string,
): string {
  const locks = lockTimeoutMs === undefined ? [] : [['lock_timeout', `${lockTimeoutMs}`] as const]
  const settings = [...meanings, ...limits, ...locks].map(([name, value]) => `SET LOCAL ${name} = '${value}'`)
  return [begin, ...settings, `SELECT pg_backend_pid() AS pid${more}`].join('; ')
}
