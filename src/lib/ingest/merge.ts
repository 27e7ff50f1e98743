/**
 * The merge of a run of requests: one statement that judges the records, stores the new ones and says of each other one
 * why it was not stored. Unlike a file's merge it must tell record by record, because every request wants its own answer.
 */
import { type RawBuilder, sql } from 'kysely'
import { type Difference, differingFields } from '../batches/differences.js'
import type { RejectCode } from '../core/event.js'
import type { Transaction } from '../db/connect.js'
import { remarksMax, type ValidationRules, validationSql } from '../load/sql/validation-sql.js'
import { type SmallDelta, upsertSmallSql } from '../rollups/add-small.js'
import { isOfEventType, isOfProperty, type OnDemandRollup, readOnDemandRollups } from '../rollups/sql/on-demand.js'
import { isInRollup, valuesOf } from '../rollups/sql/property-values.js'
import { allEvents, propertyValues } from '../rollups/sql/rollup-tables.js'
import { listedRejects } from './body/request.js'
import type { RunRecords, Staged } from './records.js'

/** A record that was not stored: a reject, or (without a code) one whose id is stored already. */
export interface OtherRecord {
  readonly n: number
  readonly code: RejectCode | null
  readonly event_id: string | null
  /** Of one whose id is stored already: the fields in which it differs from the stored event. */
  readonly fields: Difference['fields'] | null
}

/** A key that events of a request (from 0) have at their top and, with another value, in their properties. */
export interface ShadowedKey {
  readonly request: number
  readonly key: string
  readonly events: number
}

export interface GroupMergeResult {
  readonly inserted: number
  /** In the order of the records; of the rejects of a request the first only. */
  readonly others: readonly OtherRecord[]
  /** How many records of each request (from 0) were rejected; requests without rejects are absent. */
  readonly rejected: ReadonlyMap<number, number>
  readonly shadowed: readonly ShadowedKey[]
  /** What the rollups have to add; null when it is in `ea_stored` instead. */
  readonly few: SmallDelta | null
}

/** The temp table that holds the new events of a run with many records, for the rollups. */
export const storedTable = sql`pg_temp.ea_stored`

export async function createStored(tx: Transaction): Promise<void> {
  await sql`
    CREATE TEMP TABLE ea_stored (user_id text COLLATE "C", event_type text COLLATE "C", occurred_at timestamptz,
      properties jsonb) ON COMMIT DROP`.execute(tx.q)
}

/**
 * The caller holds the visibility lock, so nobody adds or removes an optional rollup meanwhile.
 *
 * @param batchIds for each request the batch that its events belong to; null leaves its records out
 * @throws the server's own data error (22xxx, 54xxx) when a record cannot be cast: then validate in the next mode
 */
export async function mergeGroup(
  tx: Transaction,
  records: RunRecords,
  batchIds: readonly (number | null)[],
  rules: ValidationRules,
  staged: Staged,
): Promise<GroupMergeResult> {
  const judged = validatedSql(records, batchIds, rules, staged)
  const optional = await readOnDemandRollups(tx)
  const told = sql`${othersSql(tx)}, ${shadowedSql}`
  return records.isInline
    ? mergeFew(tx, judged, told, optional)
    : mergeMany(tx, judged, told, optional.some(isOfProperty))
}

/** `validationSql` with the batch of each record; records of requests without a batch are left out. */
export function validatedSql(
  records: RunRecords,
  batchIds: readonly (number | null)[],
  rules: ValidationRules,
  { relation, options }: Staged,
): RawBuilder<unknown> {
  return sql`
    SELECT * FROM (
      SELECT n, request, event_id, occurred_at, user_id, event_type, properties, code, shadowed,
             (${batchIds}::bigint[])[request] AS batch_id
        FROM (SELECT *, width_bucket(n, ${records.firsts}::int[]) AS request
                FROM (${validationSql(relation, rules, options)}) judged) numbered
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
 * Looked at only when not every record was stored: of equal ids the first record is the one that was. An event that this
 * statement stores is not visible to it, so such a record is held against that first one. Rejects may be a million: they are
 * counted for each request, and the first of them are told.
 *
 * ```sql
 * CASE WHEN (SELECT count(*) FROM ins) < (SELECT count(*) FROM judged) THEN (
 *   SELECT json_agg(…) FROM (
 *     SELECT r.n, r.code, r.event_id, CASE WHEN e.event_id IS NULL THEN … ELSE … END AS fields
 *       FROM (SELECT *, row_number() OVER same AS nth, … FROM judged WHERE code IS NULL …) r … LEFT JOIN events e …
 *      WHERE r.nth > 1 OR NOT EXISTS (SELECT 1 FROM ins WHERE ins.event_id = r.event_id)
 *     UNION ALL
 *     SELECT n, code, NULL, NULL FROM (… FROM judged WHERE code IS NOT NULL) listed …) other) END AS others,
 * CASE WHEN … THEN (SELECT json_agg(json_build_array(request - 1, rejected)) FROM …) END AS rejected
 * ```
 */
const othersSql = (tx: Transaction) => sql`
      CASE WHEN (SELECT count(*) FROM ins) < (SELECT count(*) FROM judged) THEN (
        SELECT json_agg(json_build_object('n', n, 'code', code, 'event_id', event_id, 'fields', fields) ORDER BY n) FROM (
          SELECT r.n, r.code, r.event_id,
                 CASE WHEN e.event_id IS NULL THEN ${differingFields('r', 'f')} ELSE ${differingFields('r', 'e')} END AS fields
            FROM (SELECT *, row_number() OVER same AS nth, first_value(occurred_at) OVER same AS first_at,
                         first_value(user_id) OVER same AS first_user, first_value(event_type) OVER same AS first_type,
                         first_value(properties) OVER same AS first_properties
                    FROM judged WHERE code IS NULL WINDOW same AS (PARTITION BY event_id ORDER BY n)) r
           CROSS JOIN LATERAL (SELECT first_at AS occurred_at, first_user AS user_id, first_type AS event_type,
                                      first_properties AS properties) f
            LEFT JOIN ${tx.t.events} e ON e.event_id = r.event_id
           WHERE r.nth > 1 OR NOT EXISTS (SELECT 1 FROM ins WHERE ins.event_id = r.event_id)
          UNION ALL
          SELECT n, code, NULL, NULL
            FROM (SELECT n, code, row_number() OVER (PARTITION BY request ORDER BY n) AS nth
                    FROM judged WHERE code IS NOT NULL) listed
           WHERE nth <= ${sql.lit(listedRejects)}) other) END AS others,
      CASE WHEN (SELECT count(*) FROM ins) < (SELECT count(*) FROM judged) THEN (
        SELECT json_agg(json_build_array(request - 1, rejected)) FROM (
          SELECT request, count(*) AS rejected FROM judged WHERE code IS NOT NULL GROUP BY request) counted
      ) END AS rejected`

/** The keys that properties hide, by request. */
const shadowedSql = sql`
      (SELECT json_agg(s)
         FROM (SELECT request - 1 AS request, key, count(*) AS events
                 FROM judged, unnest(shadowed) AS key WHERE code IS NULL AND shadowed IS NOT NULL
                GROUP BY 1, key ORDER BY events DESC, key LIMIT ${sql.lit(remarksMax)}) s) AS shadowed`

interface Row {
  readonly inserted: number
  readonly others: OtherRecord[] | null
  readonly shadowed: ShadowedKey[] | null
  readonly rejected: [request: number, rejected: number][] | null
}

/** What both ways of merging tell. */
function mergedOf({ inserted, others, rejected, shadowed }: Row): Omit<GroupMergeResult, 'few'> {
  return { inserted, others: others ?? [], shadowed: shadowed ?? [], rejected: new Map(rejected ?? []) }
}

/**
 * ```sql
 * WITH judged AS MATERIALIZED (SELECT * FROM (SELECT n, request, event_id, … AS batch_id FROM …) owned WHERE …),
 *   ins AS (INSERT INTO events … ON CONFLICT ON CONSTRAINT events_pkey DO NOTHING RETURNING event_id, …),
 *   dated AS MATERIALIZED (SELECT user_id, event_type, (…)::date AS day … FROM ins CROSS JOIN settings s)
 * SELECT (SELECT count(*) FROM ins) AS inserted, … AS others, … AS rejected, … AS shadowed,
 *   (SELECT json_agg(p) FROM …) AS "userDays", (SELECT json_agg(d) FROM …) AS types, … AS "propertyUserDays", … AS times
 * ```
 */
async function mergeFew(
  tx: Transaction,
  judged: RawBuilder<unknown>,
  told: RawBuilder<unknown>,
  optional: readonly OnDemandRollup[],
): Promise<GroupMergeResult> {
  const properties = optional.filter(isOfProperty)
  const eventTypes = optional.filter(isOfEventType)
  const hasProperties = properties.length > 0
  const userDays = upsertSmallSql(
    tx,
    allEvents,
    sql`(SELECT user_id, day, count(*) AS events FROM dated GROUP BY user_id, day)`,
  )
  const propertyUserDays = upsertSmallSql(
    tx,
    propertyValues,
    sql`(SELECT rollup, value, user_id, day, count(*) AS events
           FROM (SELECT p.rollup, p.value COLLATE "C" AS value, e.user_id, e.day
                   FROM dated e CROSS JOIN LATERAL ${valuesOf(properties)} AS p (rollup, value)) valued
          WHERE ${isInRollup} GROUP BY rollup, value, user_id, day)`,
  )
  const times = sql`
    SELECT kept.rollup, ins.user_id, ins.occurred_at
      FROM ins JOIN unnest(${eventTypes.map(({ id }) => id)}::smallint[],
                           ${eventTypes.map(({ eventType }) => eventType)}::text[]) AS kept (rollup, event_type)
                 ON kept.event_type = ins.event_type`
  const { rows } = await sql<Row & { [list in keyof SmallDelta]: SmallDelta[list] | null }>`
    WITH judged AS MATERIALIZED (${judged}),
    ins AS (${insertSql(tx, hasProperties)}),
    dated AS MATERIALIZED (
      SELECT user_id, event_type, (occurred_at AT TIME ZONE s.reporting_tz)::date AS day
             ${hasProperties ? sql`, properties` : sql``}
        FROM ins CROSS JOIN ${tx.t.settings} s
    )
    SELECT (SELECT count(*) FROM ins) AS inserted, ${told},
           (SELECT json_agg(p) FROM (${userDays}) p) AS "userDays",
           (SELECT json_agg(d) FROM (
              SELECT event_type, day, count(*) AS events FROM dated GROUP BY event_type, day) d) AS types,
           ${hasProperties ? sql`(SELECT json_agg(p) FROM (${propertyUserDays}) p)` : sql`NULL`} AS "propertyUserDays",
           ${eventTypes.length > 0 ? sql`(SELECT json_agg(k) FROM (${times}) k)` : sql`NULL`} AS times`.execute(tx.q)
  const found = rows[0]!
  const few: SmallDelta = {
    userDays: found.userDays ?? [],
    types: found.types ?? [],
    propertyUserDays: found.propertyUserDays ?? [],
    times: found.times ?? [],
  }
  return { ...mergedOf(found), few }
}

async function mergeMany(
  tx: Transaction,
  judged: RawBuilder<unknown>,
  told: RawBuilder<unknown>,
  hasProperties: boolean,
): Promise<GroupMergeResult> {
  await createStored(tx)
  const properties = hasProperties ? sql`properties` : sql`NULL`
  const { rows } = await sql<Row>`
    WITH judged AS MATERIALIZED (${judged}),
    ins AS (${insertSql(tx, hasProperties)}),
    kept AS (INSERT INTO ${storedTable} SELECT user_id, event_type, occurred_at, ${properties} FROM ins)
    SELECT (SELECT count(*) FROM ins) AS inserted, ${told}`.execute(tx.q)
  return { ...mergedOf(rows[0]!), few: null }
}
