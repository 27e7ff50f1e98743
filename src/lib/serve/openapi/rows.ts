/**
 * What the answer of a stat looks like: the schemas of its rows and of its meta, made of those of the stat itself, and its
 * example.
 */
import * as z from 'zod'
import { resolvedMeta } from '../../stats/query/meta.js'
import { paramsOf, snake } from '../../stats/query/params.js'
import type { Stat } from '../../stats/query/stat.js'
import { givenSchema } from './params.js'
import { array, object, ref, type Schema, text } from './schemas.js'

/** A zod schema of values of ours as OpenAPI has it, without what JSON Schema adds to each integer and each date. */
function schemaOf(schema: z.ZodType): Schema {
  const { $schema: _, ...made } = z.toJSONSchema(schema, {
    override: ({ jsonSchema }) => {
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
      if (jsonSchema.format !== undefined) delete jsonSchema.pattern
    },
  })
  return made as Schema
}

/** Which cells can be null, or hold nulls: for the test that sees one of each. */
export function nullableColumns({ row }: Stat): readonly string[] {
  return Object.entries(row.shape).flatMap(([name, cell]) => {
    const core = cell instanceof z.ZodOptional ? cell.unwrap() : cell
    const value = core instanceof z.ZodArray ? core.element : core
    return value instanceof z.ZodNullable ? [name] : []
  })
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
  const own = stat.meta === undefined ? {} : (schemaOf(stat.meta).properties as Record<string, Schema>)
  return {
    [schemaName(stat, 'Row')]: schemaOf(stat.row),
    [schemaName(stat, 'Meta')]: metaSchema(stat, own),
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

const resolved = schemaOf(resolvedMeta).properties as Readonly<Record<string, Schema>>

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

/** The day after the last one of the examples' data. */
const exampleAsOf = '2025-03-02'

/** The question of a stat's example, as HTTP takes it. */
export function exampleParams({ example }: Stat): Readonly<Record<string, string | readonly string[]>> {
  return { ...example.params, as_of: exampleAsOf }
}

/** What is answered to it. */
export function exampleAnswer(stat: Stat): object {
  const { example, name } = stat
  const meta = {
    default_range: null,
    tz: 'UTC',
    week_start: 'monday',
    as_of: `${exampleAsOf}T00:00:00.000000Z`,
    segment: [],
    data_from: '2025-01-01',
    data_until: '2025-03-01',
    complete_until: exampleAsOf,
    range_complete: true,
    hides_later_events: false,
    warnings: [],
    ...example.meta,
  }
  return { metric: name, data: example.data, meta }
}
