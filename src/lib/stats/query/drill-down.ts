/**
 * The users behind one number of an answer. There can be millions: they come in pages, or piece by piece from one
 * snapshot, and never all at once.
 */

import { sql } from 'kysely'
import type * as z from 'zod'
import { EaError } from '../../core/errors.js'
import type { Column, Result } from '../../core/result.js'
import type { Database, Session } from '../../db/connect.js'
import { grouped } from '../../present/tables/cell-text.js'
import { maxNumbers } from './answer-size.js'
import { type UserPage, usersSql } from './drill-down-sql.js'
import { metaOf } from './meta.js'
import { parseParams } from './params.js'
import type { QueryContext } from './query-context.js'
import { inReading, queryContextOf, type RunStatOptions, rowsOf } from './run-stat.js'
import type { Stat } from './stat.js'
import { warningsOf } from './warnings.js'

/** How many users are fetched at once. */
const pieceSize = 10_000

export type UserRow = { readonly user_id: string }

export interface DrillDownOptions extends RunStatOptions {
  /** Only this part of them; `meta.next_cursor` is there when more follow. */
  readonly page?: UserPage
}

/**
 * The users behind one number, in the order of their ids.
 *
 * @param key which number, as `stat.drillDown.key` describes it
 * @throws EaError `usage` for a stat without users, and for a text that is not the key of one; `answer_too_large` for more users
 *   than an answer can have, when no page is asked for
 * @example
 * const { data } = await drillDown(db, retentionStat, { windows: 4 }, '2025-10-06:1')
 * data[0] // { user_id: 'u1007' }
 */
export async function drillDown<S extends z.ZodObject>(
  db: Database,
  stat: Stat<S>,
  given: z.input<S>,
  key: string,
  options: DrillDownOptions = {},
): Promise<Result> {
  const params = parseParams(stat.params, given, options.spell)
  const { page = { size: maxNumbers } } = options
  return inReading(db, options, async (s) => {
    const context = await frameOfUsers(s, stat, params, options)
    // One more than asked for tells whether more follow.
    const wanted = { ...page, size: page.size + 1 }
    const rows =
      context.range === undefined ? [] : await rowsOf(s, stat, context, usersSql(stat, params, context, key, wanted))
    if (options.page === undefined && rows.length > page.size) throw tooMany(page.size)
    const data = rows.slice(0, page.size)
    const next = rows.length > page.size ? { next_cursor: cursorAfter(data.at(-1)!.user_id) } : {}
    const about = await aboutUsers(s, stat, params, context, key)
    return { ...about, data, meta: { ...about.meta, ...next } }
  })
}

/**
 * Hands all users behind one number to `take`, piece by piece, of one snapshot; the next piece comes when `take` is done.
 *
 * @returns the answer without its rows
 * @throws as `drillDown`; what `take` throws
 */
export async function eachUser<S extends z.ZodObject>(
  db: Database,
  stat: Stat<S>,
  given: z.input<S>,
  key: string,
  take: (users: readonly UserRow[]) => Promise<unknown>,
  options: RunStatOptions = {},
): Promise<Result> {
  const params = parseParams(stat.params, given, options.spell)
  return inReading(db, options, async (s) => {
    const context = await frameOfUsers(s, stat, params, options)
    if (context.range !== undefined) {
      // All of them are wanted, not the first ones soon.
      await sql`SELECT set_config('cursor_tuple_fraction', '1', true)`.execute(s.q)
      await rowsOf(s, stat, context, sql`DECLARE users NO SCROLL CURSOR FOR ${usersSql(stat, params, context, key)}`)
      for (;;) {
        const { rows } = await sql<UserRow>`FETCH ${sql.lit(pieceSize)} FROM users`.execute(s.q)
        if (rows.length > 0) await take(rows)
        if (rows.length < pieceSize) break
      }
      await sql`CLOSE users`.execute(s.q)
    }
    return aboutUsers(s, stat, params, context, key)
  })
}

const userColumns: readonly Column[] = [{ name: 'user_id', kind: 'text' }]

function frameOfUsers<S extends z.ZodObject>(s: Session, stat: Stat<S>, params: z.output<S>, options: RunStatOptions) {
  return queryContextOf(s, stat, params, options, stat.drillDown?.canUseRollups)
}

/** The answer but for its rows. */
async function aboutUsers<S extends z.ZodObject>(
  s: Session,
  stat: Stat<S>,
  params: z.output<S>,
  context: QueryContext,
  key: string,
): Promise<Result> {
  const warnings = await warningsOf(s, context, stat.selectors?.(params), stat.fields?.(params))
  return {
    metric: stat.name,
    columns: userColumns,
    data: [],
    meta: { ...metaOf(context, stat.definition(params), params), users_of: key, warnings },
  }
}

function tooMany(size: number): EaError {
  return new EaError('answer_too_large', `There are more than ${grouped(size)} users behind this number.`, {
    suggestions: ['Ask for them page by page, or piece by piece.'],
  })
}

/** The text that names the place after a user, for the next page. */
function cursorAfter(userId: string): string {
  return Buffer.from(userId).toString('base64url')
}

/**
 * The user after whom a page begins.
 *
 * @param cursor `meta.next_cursor` of the page before
 * @returns undefined for a text that is not a cursor
 * @example
 * userBefore('dTEwMDc') // 'u1007'
 */
export function userBefore(cursor: string): string | undefined {
  const userId = Buffer.from(cursor, 'base64url').toString()
  return userId !== '' && !userId.includes('\0') && cursorAfter(userId) === cursor ? userId : undefined
}
