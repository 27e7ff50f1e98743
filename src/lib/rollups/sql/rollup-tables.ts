/**
 * The two pairs of tables that keep users and days: `user_days` and `days` of all events, `property_user_days` and
 * `property_days` of each value of a property. A user's first and previous day are those of their group: of all events, or
 * of one rollup and value. The statements that keep them are the same, written for the scope that they are given.
 */
import { type RawBuilder, sql } from 'kysely'

export interface RollupTables {
  readonly userDays: 'user_days' | 'property_user_days'
  readonly days: 'days' | 'property_days'
  readonly daysKey: 'days_pkey' | 'property_days_pkey'
  /** The columns of a group of days. */
  readonly group: readonly string[]
  /** The columns of a user within a group: their days are neighbours. With `day` the primary key of the user-days. */
  readonly user: readonly string[]
  /** Temp tables, by what they hold. */
  readonly temp: { readonly [table in 'groups' | 'delta' | 'placed' | 'taken' | 'gaps']: string }
}

/** `user_days` and `days`. */
export const allEvents: RollupTables = {
  userDays: 'user_days',
  days: 'days',
  daysKey: 'days_pkey',
  group: [],
  user: ['user_id'],
  temp: {
    groups: 'ea_delta_groups',
    delta: 'ea_delta_user_days',
    placed: 'ea_placed',
    taken: 'ea_taken',
    gaps: 'ea_gaps',
  },
}

/** `property_user_days` and `property_days`. */
export const propertyValues: RollupTables = {
  userDays: 'property_user_days',
  days: 'property_days',
  daysKey: 'property_days_pkey',
  group: ['rollup', 'value'],
  user: ['rollup', 'value', 'user_id'],
  temp: {
    groups: 'ea_delta_property_groups',
    delta: 'ea_delta_property_user_days',
    placed: 'ea_placed_properties',
    taken: 'ea_taken_properties',
    gaps: 'ea_gaps_properties',
  },
}

/** The primary key and the other columns of the user-days of a scope. */
export function userDayColumns({ user }: RollupTables): { keys: readonly string[]; values: readonly string[] } {
  return { keys: [...user, 'day'], values: ['first_day', 'prev_day', 'events'] }
}

/** The same of its days. */
export function dayColumns({ group }: RollupTables): { keys: readonly string[]; values: readonly string[] } {
  return { keys: [...group, 'day'], values: ['active_users', 'new_users', 'events'] }
}

/** `a.rollup, a.value, a.user_id` */
export function columns(names: readonly string[], alias?: string): RawBuilder<unknown> {
  return sql.join(names.map((name) => (alias === undefined ? sql.id(name) : sql.id(alias, name))))
}

/** `a.rollup = b.rollup AND a.value = b.value` */
export function sameColumns(names: readonly string[], a: string, b: string): RawBuilder<unknown> {
  return sql.join(
    names.map((name) => sql`${sql.id(a, name)} = ${sql.id(b, name)}`),
    sql` AND `,
  )
}

/**
 * User-days with the neighbours that they have within the same relation: `first_day`, `prev_day`, `next_day`, sorted as
 * their primary key is.
 *
 * @param userDays a relation with the scope's user columns, `day` and `events`, each user and day once
 */
export function neighboursSql(scope: RollupTables, userDays: RawBuilder<unknown>): RawBuilder<unknown> {
  const { user } = scope
  return sql`
      SELECT ${columns(user)}, day, events::int AS events, first_value(day) OVER by_day AS first_day,
             lag(day) OVER by_day AS prev_day, lead(day) OVER by_day AS next_day
      FROM ${userDays}
      WINDOW by_day AS (PARTITION BY ${columns(user)} ORDER BY day)`
}

/** What the day table must be: the sums of a relation that holds all user-days. */
export function daySumsSql(scope: RollupTables, userDays: RawBuilder<unknown>): RawBuilder<unknown> {
  const key = columns([...scope.group, 'day'])
  return sql`
    SELECT ${key}, count(*) AS active_users, count(*) FILTER (WHERE day = first_day) AS new_users,
           sum(events)::bigint AS events
    FROM ${userDays} GROUP BY ${key}`
}
