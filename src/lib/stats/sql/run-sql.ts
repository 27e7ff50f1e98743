/**
 * A statement of somebody's own: one that reads, in one REPEATABLE READ READ ONLY transaction, with an answer like that of any
 * stat. What it changes for its session is undone, and a lock that it takes is given back.
 */
import { sql } from 'kysely'
import pg from 'pg'
import { EaError } from '../../core/errors.js'
import type { Result, Row } from '../../core/result.js'
import { pointAt, SyntaxProblem } from '../../core/scanner.js'
import { withCancel } from '../../db/cancel.js'
import { type Database, sqlState, type Transaction, withTransaction } from '../../db/connect.js'
import { grouped } from '../../present/tables/cell-text.js'
import { asTimeout, limitTime, type RunStatOptions } from '../query/run-stat.js'
import { sqlColumns } from './sql-cells.js'

/** The most cells of one answer: it is in memory as a whole. */
const maxCells = 1_000_000

/** What a statement that reads begins with, after comments and parentheses. */
const readingWords = ['select', 'with', 'values', 'table', 'explain', 'show']
const opening = /^(?:\s|\(|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*([a-z]*)/i

type SqlOptions = Pick<RunStatOptions, 'signal' | 'timeoutMs'>

/**
 * Runs one statement that reads; names without a schema are the tables and views of `ea`.
 *
 * @throws EaError `usage` for a statement that does not read, `sql_refused` for what PostgreSQL refuses,
 *   `query_timeout`, `answer_too_large`
 * @example
 * const { data } = await runSql(db, 'SELECT event_type, count(*) FROM visible_events GROUP BY 1')
 * data[0] // { event_type: 'page_view', count: 1204 }
 */
export async function runSql(db: Database, statement: string, { signal, timeoutMs }: SqlOptions = {}): Promise<Result> {
  requireReading(statement)
  const tooLarge = new AbortController()
  const ended = signal === undefined ? tooLarge.signal : AbortSignal.any([signal, tooLarge.signal])
  const running = withTransaction(
    db,
    (tx) =>
      withCancel(tx.client, ended, async () => {
        await sql`SELECT set_config('search_path', format('%I, public', ${tx.schema}::text), true),
          set_config('work_mem', '128MB', true)`.execute(tx.q)
        await limitTime(tx, { timeoutMs })
        await sql`SAVEPOINT before_statement`.execute(tx.q)
        const result = await answerTo(tx, statement, tooLarge)
        await sql`ROLLBACK TO SAVEPOINT before_statement`.execute(tx.q)
        return result
      }).finally(() => sql`SELECT pg_advisory_unlock_all()`.execute(tx.q).catch(() => {})),
    { isolation: 'repeatable read', readOnly: true },
  )
  try {
    return await asTimeout(running, { signal: ended, timeoutMs })
  } catch (error) {
    if (tooLarge.signal.aborted && !signal?.aborted) throw tooLarge.signal.reason
    throw signal?.aborted ? error : refused(error, statement)
  }
}

function requireReading(statement: string): void {
  const word = opening.exec(statement)![1]!
  if (readingWords.includes(word.toLowerCase())) return
  if (word === '' && statement.trim() === '') throw new EaError('usage', 'There is no statement.')
  const what = word === '' ? JSON.stringify(statement.trim().slice(0, 20)) : word.toUpperCase()
  throw new EaError('usage', `ea sql runs a statement that reads, and this one begins with ${what}.`, {
    suggestions: [
      `Begin it with ${readingWords.map((one) => one.toUpperCase()).join(', ')}.`,
      'To change data, use psql: `psql "$(ea db url)"`.',
    ],
  })
}

/** The rows as they come; more than an answer can have end the statement. */
function answerTo({ client }: Transaction, statement: string, tooLarge: AbortController): Promise<Result> {
  const data: Row[] = []
  let columns: ReturnType<typeof sqlColumns> | undefined
  return new Promise((resolve, reject) => {
    const texts = { getTypeParser: () => (text: string) => text }
    // By the extended protocol, which takes one statement only.
    const config = { text: statement, rowMode: 'array', queryMode: 'extended', types: texts }
    const query = client.query(new pg.Query(config as unknown as string))
    query.on('row', (row: unknown, result?: pg.ResultBuilder) => {
      if (tooLarge.signal.aborted) return
      columns ??= sqlColumns(result!.fields)
      const cells = row as readonly (string | null)[]
      data.push(
        Object.fromEntries(
          columns.map(({ column, read }, at) => [column.name, cells[at] === null ? null : read(cells[at]!)]),
        ),
      )
      if (data.length * Math.max(1, columns.length) > maxCells) tooLarge.abort(tooManyCells(data.length))
    })
    query.on('error', reject)
    query.on('end', (result: pg.ResultBuilder) => {
      const known = columns ?? sqlColumns(result.fields)
      resolve({
        metric: 'sql',
        columns: known.map(({ column }) => column),
        data,
        meta: { statement: statement.trim(), rows: data.length },
      })
    })
  })
}

function tooManyCells(rows: number): EaError {
  return new EaError(
    'answer_too_large',
    `The statement gives more than ${grouped(rows - 1)} rows, and all of an answer is in memory.`,
    {
      suggestions: [
        'Add LIMIT, or group the rows.',
        'For all rows: `psql "$(ea db url)" -c "\\copy (SELECT …) TO STDOUT"`, or `ea export`.',
      ],
    },
  )
}

/** What PostgreSQL says of a statement, with a mark under the character. */
function refused(error: unknown, statement: string): unknown {
  const state = sqlState(error)
  if (state === undefined || error instanceof EaError || /^(08|53|57P|58|XX)/.test(state)) return error
  const { message, hint, position } = error as pg.DatabaseError
  if (state === '42601' && message.includes('multiple commands')) {
    return new EaError('usage', 'ea sql runs one statement, and there are several.', { cause: error })
  }
  const at = position === undefined ? undefined : pointAt(lineAt(statement, Number(position) - 1))
  const next =
    state === '25006'
      ? 'ea sql only reads. To change data, use psql: `psql "$(ea db url)"`.'
      : '`ea sql "SELECT * FROM visible_events LIMIT 1"` shows the columns of events.'
  return new EaError('sql_refused', at === undefined ? message : `${message}\n${at}`, {
    suggestions: hint === undefined ? [next] : [hint, next],
    details: { sqlstate: state },
  })
}

/** The line of a place; positions count characters, not units of UTF-16. */
function lineAt(statement: string, position: number): SyntaxProblem {
  const before = [...statement].slice(0, position).join('')
  const start = before.lastIndexOf('\n') + 1
  const end = statement.indexOf('\n', before.length)
  return new SyntaxProblem('', statement.slice(start, end < 0 ? undefined : end), before.length - start)
}
