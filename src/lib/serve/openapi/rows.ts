/**
 * What the answer of a stat looks like: the schemas of its rows and of its meta. Columns come from the stat itself, asked
 * with each kind of parameters that changes them; which cells can be null, only its code knows, so it is said here and
 * tested against answers of the database.
 */
import type { Column } from '../../core/result.js'
import { weekdays } from '../../core/time.js'
import { paramsOf, snake } from '../../stats/query/params.js'
import type { Stat } from '../../stats/query/stat.js'
import { givenSchema } from './params.js'
import { array, cellSchema, count, day, instant, nullable, object, ref, type Schema, text } from './schemas.js'

interface Shape {
  /** Parameters with which the columns differ. */
  readonly asked?: readonly Readonly<Record<string, unknown>>[]
  /** Columns with cells that can be null, or can hold nulls. */
  readonly nullable?: readonly string[]
  /** Columns that are in every row, also where tables leave them out. */
  readonly always?: readonly string[]
  /** What only this stat says in meta. Without data it says nothing of its own. */
  readonly meta?: Readonly<Record<string, Schema>>
}

const cells = {
  size: nullable(count),
  users: cellSchema('counts', true),
  rates: cellSchema('rates', true),
  complete: cellSchema('flags', false),
}

const shapes: Readonly<Record<string, Shape>> = {
  dau: { nullable: ['unique_users'] },
  wau: { nullable: ['unique_users'] },
  mau: { nullable: ['unique_users'] },
  'top-events': { asked: [{}, { uniqueUsers: true }] },
  trend: {
    asked: [{}, { grain: 'hour' }, { by: 'event_type' }],
    nullable: ['key', 'value'],
    always: ['key'],
    meta: {
      by: {
        ...nullable(text),
        description: 'What tells the keys apart; null when nothing does, and every key is null.',
      },
      keys_left_out: { ...count, description: 'How many keys there are beside those of the answer.' },
    },
  },
  retention: {
    asked: [{}, { windowType: 'hour' }],
    nullable: ['size', 'users', 'rates'],
    meta: {
      mean: {
        ...object({ cohort: { const: 'mean' }, ...cells }),
        description:
          'All cohorts together, each weighed by its size, without those for which the window is not complete (with `on-or-after`: not over).',
      },
    },
  },
  funnel: {
    asked: [{ step: ['signup', 'purchase'] }],
    nullable: ['rate_from_first', 'rate_from_previous', 'median_seconds', 'mean_seconds'],
    meta: {
      pending_users: {
        ...count,
        description: 'Users who have not taken all steps and have an attempt that can still go on.',
      },
    },
  },
  lifecycle: { nullable: ['new', 'returning', 'resurrecting', 'dormant'] },
  stickiness: {},
}

/**
 * The schema of one row of a stat's answer.
 *
 * @example
 * rowSchema(dauStat).required // ['date', 'unique_users', 'complete']
 */
function rowSchema(stat: Stat): Schema {
  const { asked = [{}], nullable: withNulls = [], always = [] } = shapes[stat.name]!
  const variants = asked.map((given) => stat.columns(stat.params.parse(given)))
  const columns = new Map<string, Column[]>()
  for (const column of variants.flat()) columns.set(column.name, [...(columns.get(column.name) ?? []), column])
  const properties = [...columns].map(([name, sameName]): [string, Schema] => {
    const kinds = [...new Set(sameName.map(({ kind }) => kind))]
    const schemas = kinds.map((kind) => cellSchema(kind, withNulls.includes(name)))
    return [name, schemas.length === 1 ? schemas[0]! : { anyOf: schemas }]
  })
  const optional = [...columns].flatMap(([name, { length }]) =>
    length === variants.length || always.includes(name) ? [] : [name],
  )
  return object(Object.fromEntries(properties), optional)
}

/** Which cells can be null, for the test that sees one of each. */
export function nullableColumns(stat: Stat): readonly string[] {
  return shapes[stat.name]!.nullable ?? []
}

/** The names of the schemas of a stat: `TopEventsAnswer`. */
export function schemaName(stat: Stat, what: 'Answer' | 'Row' | 'Meta' | 'Users'): string {
  const camel = stat.name.replace(/(^|-)(.)/g, (_, __, letter: string) => letter.toUpperCase())
  return `${camel}${what}`
}

/** Of a list with more pages. */
const nextCursor = {
  next_cursor: { ...text, description: 'Where the next page begins; the last page has none.' },
}

/** The schemas that a stat brings to `components/schemas`. */
export function statSchemas(stat: Stat): Record<string, Schema> {
  const metric = { const: stat.name }
  return {
    [schemaName(stat, 'Row')]: rowSchema(stat),
    [schemaName(stat, 'Meta')]: metaSchema(stat, shapes[stat.name]!.meta ?? {}),
    [schemaName(stat, 'Answer')]: object({
      metric,
      data: array(ref(schemaName(stat, 'Row'))),
      meta: ref(schemaName(stat, 'Meta')),
    }),
    [schemaName(stat, 'Users')]: {
      ...object({
        metric,
        data: array(ref('User')),
        meta: metaSchema(stat, nextCursor, { users_of: { ...text, description: 'The number whose users these are.' } }),
      }),
      description: 'The users behind one number, in the order of their ids.',
    },
  }
}

const resolved = {
  from: { ...nullable(day), description: 'The first day, included; null when there is no data.' },
  to: { ...nullable(day), description: 'The last day, included.' },
  default_range: { ...nullable(text), description: 'What the range is when none was given.' },
  tz: { ...text, description: 'The time zone of the days.' },
  week_start: { type: 'string', enum: weekdays },
  as_of: { ...instant, description: 'What counted as now: events at or after it do not count.' },
  segment: array(text),
  definition: { ...text, description: 'What was counted.' },
  data_from: { ...nullable(day), description: 'The day of the oldest event that counts.' },
  data_until: { ...nullable(day), description: 'The day of the newest event that counts.' },
  complete_until: { ...nullable(day), description: 'The first day that is not known whole.' },
  range_complete: { type: 'boolean', description: 'Whether all days of the range are over, and the data covers them.' },
  hides_later_events: { type: 'boolean', description: 'Whether there are events at or after `as_of`.' },
  source: { type: 'string', enum: ['rollups', 'events'], description: 'What was read.' },
} as const satisfies Record<string, Schema>

/** Meta: what was resolved, the stat's own parameters as they were written, what only the stat says, warnings. */
function metaSchema(
  stat: Stat,
  said: Readonly<Record<string, Schema>>,
  saidAlways: Readonly<Record<string, Schema>> = {},
): Schema {
  const own = paramsOf(stat.params).filter(({ name }) => !(snake(name) in resolved))
  const optional = own.filter((param) => !isAlwaysKnown(stat, param.name)).map(({ name }) => snake(name))
  const params = Object.fromEntries(own.map(({ name }) => [snake(name), asWritten(givenSchema(stat, name))]))
  return object({ ...resolved, ...params, ...said, ...saidAlways, warnings: array(text) }, [
    ...optional,
    ...Object.keys(said),
  ])
}

/** Whether a parameter has a value when nobody gives one, or must be given. */
function isAlwaysKnown(stat: Stat, name: string): boolean {
  return (
    !stat.params.shape[name]!.safeParse(undefined).success ||
    paramsOf(stat.params).some((param) => param.name === name && param.default !== undefined)
  )
}

function asWritten({ default: _, ...schema }: Schema): Schema {
  return schema
}

export const userSchema = object({ user_id: text })
