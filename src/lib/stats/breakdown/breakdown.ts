/**
 * The same numbers for each value of a property (`by`): the keys with the largest numbers have rows of their own, and all other
 * events or users are one row more. An event without the property has the key null.
 */
import { type RawBuilder, sql } from 'kysely'
import * as z from 'zod'
import { type By, keySql, parseBy } from '../active/trend-by.js'
import { listOrText, type Texts } from '../query/params.js'
import type { SqlRow } from '../query/stat.js'

const maxKeys = 2

/** @param what what is told apart, for the help */
export function byParam(what: string) {
  return listOrText(parseBy, { max: maxKeys }).describe(
    `${what} by this: event_type, user_id or a property (properties.country); twice for pairs.`,
  )
}

/** What a row says about its keys; pairs have `key_2`. */
export interface RowKeys {
  readonly key?: string | null
  readonly key_2?: string | null
  readonly others?: boolean
}

/** The columns of keys that these parameters leave out. */
export function keysWithout({ list }: Texts<By>): string[] {
  return [...(list.length === 0 ? ['key', 'others'] : []), ...(list.length < 2 ? ['key_2'] : [])]
}

/** The keys of a row with `key_0`, `key_1` and `is_others`. */
export function keysOfRow({ list }: Texts<By>, row: SqlRow): RowKeys {
  if (list.length === 0) return {}
  return {
    key: row.key_0 as string | null,
    ...(list.length < 2 ? {} : { key_2: row.key_1 as string | null }),
    others: row.is_others as boolean,
  }
}

/** `key_0` and `key_1` of an event, as items of a SELECT over `events`. */
export function keyItems({ list }: Texts<By>): RawBuilder<unknown>[] {
  return list.map((one, index) => sql`${keySql(one)} AS ${keyId(index)}`)
}

/** The names of these items. */
export function keyIds({ list }: Texts<By>): RawBuilder<unknown>[] {
  return list.map((_, index) => keyId(index))
}

const keyId = (index: number) => sql.id(`key_${index}`)

/** The order of keys with equal numbers. */
export function keyOrder(by: Texts<By>): RawBuilder<unknown> {
  return sql.join(keyIds(by).map((key) => sql`${key} COLLATE "C"`))
}

/** Rows with a `rank` as items that group them by `place`: the keys up to the limit have one each, all others share the next. */
export function placeItems(by: Texts<By>, limit: number): RawBuilder<unknown>[] {
  return [
    sql`least(rank, ${limit}::bigint + 1) AS place`,
    ...keyIds(by).map((key) => sql`min(${key}) FILTER (WHERE rank <= ${limit}::bigint) AS ${key}`),
    sql`min(rank) > ${limit}::bigint AS is_others`,
    sql`max(max(rank)) OVER () AS keys`,
  ]
}

/** How many keys share the last row. */
export function keysLeftOut(rows: readonly SqlRow[], limit: number): number {
  return Math.max(0, ((rows[0]?.keys as number | undefined) ?? 0) - limit)
}

/** What `meta` says of keys; absent where nothing is told apart. */
export const keysMeta = z.object({
  keys_left_out: z.int().nonnegative().describe('How many keys share the row of all others.'),
})

/** ` by properties.country`; nothing where nothing is told apart. */
export function byText({ list, text }: Texts<By>): string {
  return list.length === 0 ? '' : ` by ${[text].flat().join(' and ')}`
}
