/**
 * The merge of a run of requests: one statement that judges the records, stores the new ones and says of each other one
 * why it was not stored. Unlike a file's merge it must tell record by record, because every request wants its own answer.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Transaction } from '../db/connect.js'
import type { RejectCode } from '../event.js'
import { type JudgeRules, judgeSql } from '../import/judge.js'
import { type Few, placedFewSql } from '../rollups/add-few.js'
import { isOfEventType, isOfProperty, type OptionalRollup, readOptionalRollups } from '../rollups/optional.js'
import { isKept, valuesOf } from '../rollups/property-values.js'
import { allEvents, propertyValues } from '../rollups/scope.js'
import type { RunRecords, Staged } from './records.js'
import { listedRejects } from './request.js'

/** A record that was not stored: a reject, or (without a code) one whose id is stored already. */
export interface Other {
  readonly n: number
  readonly code: RejectCode | null
  readonly event_id: string | null
}

export interface RunMerged {
  readonly inserted: number
  /** In the order of the records; of the rejects of a request the first only. */
  readonly others: readonly Other[]
  /** How many records of each request (from 0) were rejected; requests without rejects are absent. */
  readonly rejected: ReadonlyMap<number, number>
  /** What the rollups have to add; null when it is in `ea_stored` instead. */
  readonly few: Few | null
}

/** The temp table that holds the new events of a run with many records, for the rollups. */
export const storedTable = sql`pg_temp.ea_stored`

/**
 * The caller holds the visibility lock, so nobody adds or removes an optional rollup meanwhile.
 *
 * @param batchIds for each request the batch that its events belong to; null leaves its records out
 * @throws the server's own data error (22xxx, 54xxx) when a record cannot be cast: then judge strictly
 */
export async function mergeRun(
  tx: Transaction,
  records: RunRecords,
  batchIds: readonly (number | null)[],
  rules: JudgeRules,
  staged: Staged,
): Promise<RunMerged> {
  const judged = judgedSql(records, batchIds, rules, staged)
  const optional = await readOptionalRollups(tx)
  return records.isInline ? mergeFew(tx, judged, optional) : mergeMany(tx, judged, optional.some(isOfProperty))
}

/** `judgeSql` with the batch of each record; records of requests without a batch are left out. */
export function judgedSql(
  records: RunRecords,
  batchIds: readonly (number | null)[],
  rules: JudgeRules,
  { relation, options }: Staged,
): RawBuilder<unknown> {
  return sql`
    SELECT * FROM (
      SELECT n, request, event_id, occurred_at, user_id, event_type, properties, code,
             (${batchIds}::bigint[])[request] AS batch_id
        FROM (SELECT *, width_bucket(n, ${records.firsts}::int[]) AS request
                FROM (${judgeSql(relation, rules, options)}) judged) numbered
    ) owned WHERE batch_id IS NOT NULL`
}

/** Properties are handed on only where a rollup needs them: they are most of an event. */
const insertSql = (tx: Transaction, withProperties: boolean) => sql`
      INSERT INTO ${tx.t.events} (event_id, occurred_at, batch_id, user_id, event_type, properties)
      SELECT DISTINCT ON (event_id) event_id, occurred_at, batch_id, user_id, event_type, properties
        FROM judged WHERE code IS NULL ORDER BY event_id, n
      ON CONFLICT ON CONSTRAINT events_pkey DO NOTHING
      RETURNING event_id, user_id, event_type, occurred_at ${withProperties ? sql`, properties` : sql``}`

/**
 * Looked at only when not every record was stored: of equal ids the first record is the one that was. Rejects may be a
 * million: they are counted for each request, and the first of them are told.
 */
const othersSql = sql`
      CASE WHEN (SELECT count(*) FROM ins) < (SELECT count(*) FROM judged) THEN (
        SELECT json_agg(json_build_object('n', n, 'code', code, 'event_id', event_id) ORDER BY n) FROM (
          SELECT n, code, event_id
            FROM (SELECT n, code, event_id, row_number() OVER (PARTITION BY event_id ORDER BY n) AS nth
                    FROM judged WHERE code IS NULL) ranked
           WHERE nth > 1 OR NOT EXISTS (SELECT FROM ins WHERE ins.event_id = ranked.event_id)
          UNION ALL
          SELECT n, code, NULL
            FROM (SELECT n, code, row_number() OVER (PARTITION BY request ORDER BY n) AS nth
                    FROM judged WHERE code IS NOT NULL) listed
           WHERE nth <= ${sql.lit(listedRejects)}) other) END AS others,
      CASE WHEN (SELECT count(*) FROM ins) < (SELECT count(*) FROM judged) THEN (
        SELECT json_agg(json_build_array(request - 1, rejected)) FROM (
          SELECT request, count(*) AS rejected FROM judged WHERE code IS NOT NULL GROUP BY request) counted
      ) END AS rejected`

interface Row {
  readonly inserted: number
  readonly others: Other[] | null
  readonly rejected: [request: number, rejected: number][] | null
}

/** What both ways of merging tell. */
function mergedOf({ inserted, others, rejected }: Row): Omit<RunMerged, 'few'> {
  return { inserted, others: others ?? [], rejected: new Map(rejected ?? []) }
}

async function mergeFew(
  tx: Transaction,
  judged: RawBuilder<unknown>,
  optional: readonly OptionalRollup[],
): Promise<RunMerged> {
  const properties = optional.filter(isOfProperty)
  const eventTypes = optional.filter(isOfEventType)
  const hasProperties = properties.length > 0
  const userDays = placedFewSql(
    tx,
    allEvents,
    sql`(SELECT user_id, day, count(*) AS events FROM dated GROUP BY user_id, day)`,
  )
  const propertyUserDays = placedFewSql(
    tx,
    propertyValues,
    sql`(SELECT rollup, value, user_id, day, count(*) AS events
           FROM (SELECT p.rollup, p.value COLLATE "C" AS value, e.user_id, e.day
                   FROM dated e CROSS JOIN LATERAL ${valuesOf(properties)} AS p (rollup, value)) valued
          WHERE ${isKept} GROUP BY rollup, value, user_id, day)`,
  )
  const times = sql`
    SELECT kept.rollup, ins.user_id, ins.occurred_at
      FROM ins JOIN unnest(${eventTypes.map(({ id }) => id)}::smallint[],
                           ${eventTypes.map(({ eventType }) => eventType)}::text[]) AS kept (rollup, event_type)
                 ON kept.event_type = ins.event_type`
  const { rows } = await sql<Row & { [list in keyof Few]: Few[list] | null }>`
    WITH judged AS MATERIALIZED (${judged}),
    ins AS (${insertSql(tx, hasProperties)}),
    dated AS MATERIALIZED (
      SELECT user_id, event_type, (occurred_at AT TIME ZONE s.reporting_tz)::date AS day
             ${hasProperties ? sql`, properties` : sql``}
        FROM ins CROSS JOIN ${tx.t.settings} s
    )
    SELECT (SELECT count(*) FROM ins) AS inserted, ${othersSql},
           (SELECT json_agg(p) FROM (${userDays}) p) AS "userDays",
           (SELECT json_agg(d) FROM (
              SELECT event_type, day, count(*) AS events FROM dated GROUP BY event_type, day) d) AS types,
           ${hasProperties ? sql`(SELECT json_agg(p) FROM (${propertyUserDays}) p)` : sql`NULL`} AS "propertyUserDays",
           ${eventTypes.length > 0 ? sql`(SELECT json_agg(k) FROM (${times}) k)` : sql`NULL`} AS times`.execute(tx.q)
  const found = rows[0]!
  const few: Few = {
    userDays: found.userDays ?? [],
    types: found.types ?? [],
    propertyUserDays: found.propertyUserDays ?? [],
    times: found.times ?? [],
  }
  return { ...mergedOf(found), few }
}

async function mergeMany(tx: Transaction, judged: RawBuilder<unknown>, hasProperties: boolean): Promise<RunMerged> {
  await sql`
    CREATE TEMP TABLE ea_stored (user_id text COLLATE "C", event_type text COLLATE "C", occurred_at timestamptz,
      properties jsonb) ON COMMIT DROP`.execute(tx.q)
  const properties = hasProperties ? sql`properties` : sql`NULL`
  const { rows } = await sql<Row>`
    WITH judged AS MATERIALIZED (${judged}),
    ins AS (${insertSql(tx, hasProperties)}),
    kept AS (INSERT INTO ${storedTable} SELECT user_id, event_type, occurred_at, ${properties} FROM ins)
    SELECT (SELECT count(*) FROM ins) AS inserted, ${othersSql}`.execute(tx.q)
  return { ...mergedOf(rows[0]!), few: null }
}
