/**
 * DuckDB inside the process. Its package is optional and is loaded when something needs it: in memory, with bounds, and
 * without ever fetching an extension.
 */
import type { DuckDBConnection } from '@duckdb/node-api'
import { EaError } from '../core/errors.js'

export interface DuckdbLimits {
  readonly threads: number
  /** As DuckDB writes it: `1GB`. */
  readonly memory: string
  /** Where it may write what does not fit into the memory; empty: nowhere. */
  readonly tempFolder: string
}

export interface Duckdb {
  /** One more connection to the same database. */
  connect(): Promise<DuckDBConnection>
  close(): void
}

/**
 * Opens an empty database.
 *
 * @param what what it is for, for the message: `Parquet is read by DuckDB`
 * @param details of the error
 * @throws EaError `duckdb_missing`
 */
export async function openDuckdb(
  what: string,
  { threads, memory, tempFolder }: DuckdbLimits,
  details: Readonly<Record<string, unknown>> = {},
): Promise<Duckdb> {
  const { DuckDBInstance } = await duckdbModule().catch((error: unknown) => {
    const { code = '', message } = error as NodeJS.ErrnoException
    const why = /MODULE_NOT_FOUND/.test(code) ? 'is not installed' : `does not run here (${message.split('\n')[0]})`
    throw new EaError('duckdb_missing', `${what}, which ${why}.`, { details, cause: error })
  })
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(threads),
    memory_limit: memory,
    temp_directory: tempFolder,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  })
  return { connect: () => instance.connect(), close: () => instance.closeSync() }
}

/** The package; bundled it has nothing but its default export. */
export async function duckdbModule() {
  return (await import('@duckdb/node-api')).default
}

/** A text as a literal of DuckDB. */
export const quotedText = (value: string) => `'${value.replaceAll("'", "''")}'`

/** A name as an identifier of DuckDB. */
export const quotedName = (name: string) => `"${name.replaceAll('"', '""')}"`
