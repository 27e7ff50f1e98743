/** The statement for the users behind one number of an answer, all of them or a page. */
import { type RawBuilder, sql } from 'kysely'
import type * as z from 'zod'
import { EaError } from '../../core/errors.js'
import type { QueryContext } from './query-context.js'
import type { Stat } from './stat.js'

/** A part of a list of users, in the order of their ids. */
export interface UserPage {
  /** The id after which it begins; absent: at the first one. */
  readonly after?: string | undefined
  /** How many users it has at most. */
  readonly size: number
}

/**
 * `user_id` of each user behind a number, in the order of the ids.
 *
 * @throws EaError `usage` for a stat without users, and for a text that is not the key of one
 */
export function usersSql<S extends z.ZodObject>(
  stat: Stat<S>,
  params: z.output<S>,
  context: QueryContext,
  key: string,
  page?: UserPage,
): RawBuilder<{ user_id: string }> {
  if (stat.drillDown === undefined) throw new EaError('usage', `${stat.name} cannot list the users behind a number.`)
  const after = page?.after === undefined ? sql`` : sql`\nWHERE user_id COLLATE "C" > ${page.after}::text`
  const limit = page === undefined ? sql`` : sql`\nLIMIT ${page.size}::bigint`
  return sql<{ user_id: string }>`
SELECT user_id FROM (
${stat.drillDown.sql(key, params, context)}
) AS users_of_number${after}
ORDER BY user_id COLLATE "C"${limit}`
}
