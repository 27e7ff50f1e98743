/** Users without a name, and people who are two users: what may be wrong with the ids of users, in sentences. */
import { sql } from 'kysely'
import type { Database } from '../db/connect.js'
import { isName } from '../load/mapping/expression.js'
import { formatSource, shellQuoted } from '../load/mapping/map-parser.js'
import type { Mapping } from '../load/mapping/mapping.js'
import { sourceName } from '../load/mapping/source-ref.js'
import { eventsOf } from '../rollups/delta.js'
import { type HeadRecord, headValue } from './detect/head.js'

/** What other programs write for no value. */
const noNames = ['\\N', 'NULL', 'Null', 'null', 'nan', 'NaN', 'undefined', 'None', 'none', 'nil', 'N/A', '(null)', '-']

/**
 * Says that events of batches belong to users that are called like nothing. Only the rollup of users is asked when there are
 * no such users at all.
 *
 * @returns sentences by batch
 */
export async function namelessUsers(db: Database, batchIds: readonly number[]): Promise<Map<number, string[]>> {
  if (batchIds.length === 0) return new Map()
  const { rows } = await sql<NamelessUser>`
    SELECT batch_id AS batch, user_id AS name, count(*)::int AS events FROM ${eventsOf(db, batchIds)}
       AND user_id = ANY (${noNames})
       AND (SELECT EXISTS (SELECT FROM ${db.t.user_days} WHERE user_id = ANY (${noNames})))
     GROUP BY batch_id, user_id ORDER BY batch_id, user_id COLLATE "C"`.execute(db.q)
  const batches = [...new Set(rows.map(({ batch }) => batch))]
  return new Map(batches.map((batch) => [batch, [namelessText(rows.filter((row) => row.batch === batch))]]))
}

interface NamelessUser {
  readonly batch: number
  readonly name: string
  readonly events: number
}

function namelessText(rows: readonly NamelessUser[]): string {
  const events = rows.reduce((sum, row) => sum + row.events, 0)
  const names = rows.map(({ name }) => name)
  const flags = names.map((name) => (name === '-' ? '--null=-' : `--null ${shellQuoted(name)}`)).join(' ')
  const whose = names.length === 1 ? 'a user that is called' : 'users that are called'
  const belong = events === 1 ? '1 event belongs to' : `${events} events belong to`
  return `${belong} ${whose} ${names.join(', ')}. If ${names.length === 1 ? 'this stands' : 'these stand'} for no user: ${flags}.`
}

/**
 * Says that people are two users, when the value of a later source of the user occurs both with and without an earlier one:
 * a person who signs up is one user before and another one after.
 *
 * @param records the first ones of the source
 */
export function splitUsers({ fields, nulls = [] }: Mapping, records: readonly HeadRecord[]): string[] {
  const sources = fields.user_id.filter(isName)
  const textOf = (record: HeadRecord, source: (typeof sources)[number]) => {
    const value = headValue(record, source)
    const isText = typeof value === 'number' || (typeof value === 'string' && value !== '')
    return isText && !nulls.includes(String(value)) ? String(value) : undefined
  }
  for (const [at, later] of sources.entries()) {
    if (at === 0) continue
    const withFirst = new Set<string>()
    const alone = new Set<string>()
    for (const record of records) {
      const value = textOf(record, later)
      if (value === undefined) continue
      const isNamed = sources.slice(0, at).some((earlier) => textOf(record, earlier) !== undefined)
      ;(isNamed ? withFirst : alone).add(value)
    }
    const split = [...alone].filter((value) => withFirst.has(value)).length
    if (split === 0) continue
    const name = formatSource(sourceName(later))
    const others = sources.slice(0, at).map((source) => formatSource(sourceName(source)))
    return [
      `In the first ${records.length} records, ${split} ${split === 1 ? 'value' : 'values'} of ${name} occur both with and without ${others.join(' or ')}: such people are two users, and a funnel over the sign-up loses them. To keep them whole: --map ${shellQuoted(`user_id=${name}`)} (the guide: "Who is a user").`,
    ]
  }
  return []
}
