/** Where the statement of `ea sql` comes from: the argument, a file or standard input; without any, psql on a terminal. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import type { Config } from '../../core/config.js'
import { EaError } from '../../core/errors.js'

/**
 * The statement.
 *
 * @returns undefined when there is none and a person sits at the terminal
 * @throws EaError `usage` when two are given, `file_not_found` for a file that cannot be read
 */
export async function readStatement(given: string | undefined, file: string | undefined): Promise<string | undefined> {
  if (given !== undefined && file !== undefined) {
    throw new EaError('usage', 'The statement is given twice: as an argument and by --file.', {
      suggestions: ['Leave one out.'],
    })
  }
  if (given !== undefined && given !== '-') return given
  if (file !== undefined && file !== '-') {
    return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new EaError('file_not_found', `${file} cannot be read.`, { cause: error })
    })
  }
  const isAsked = given === '-' || file === '-'
  return !isAsked && process.stdin.isTTY ? undefined : text(process.stdin)
}

/**
 * psql in this terminal: it only reads, and knows the tables of the schema by their names.
 *
 * @returns its exit code
 * @throws EaError `usage` when there is no psql
 */
export async function runPsql(url: string, { schema }: Pick<Config, 'schema'>): Promise<number> {
  const path = `"${schema.replaceAll('"', '""')}",public`.replace(/[\\ ]/g, '\\$&')
  const options = `${process.env.PGOPTIONS ?? ''} -c search_path=${path} -c default_transaction_read_only=on`
  const child = spawn('psql', [url], { stdio: 'inherit', env: { ...process.env, PGOPTIONS: options.trim() } })
  try {
    const [code] = (await once(child, 'exit')) as [number | null]
    return code ?? 1
  } catch (error) {
    throw new EaError('usage', 'There is no statement, and no psql on this machine.', {
      suggestions: ['Give a statement: `ea sql "SELECT count(*) FROM visible_events"`.', 'Install psql.'],
      cause: error,
    })
  }
}
