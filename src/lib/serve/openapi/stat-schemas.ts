/** What the answer of a stat looks like: the schemas of its rows and of its meta, made of those of the stat, and its example. */
import * as z from 'zod'
import { resolvedMeta } from '../../stats/query/meta.js'
import { paramsOf, snake } from '../../stats/query/params.js'
import type { Stat } from '../../stats/query/stat.js'
import { rowsOf } from '../route.js'
import { givenSchemas } from './parameters.js'

const user = z.object({ user_id: z.string() }).meta({ id: 'User' })

/** The names of the schemas of a stat: `TopEventsAnswer`. */
export function schemaName(stat: Stat, what: 'Answer' | 'Row' | 'OtherRow' | 'Meta' | 'Users'): string {
  const camel = stat.name.replace(/(^|-)(.)/g, (_, __, letter: string) => letter.toUpperCase())
  return `${camel}${what}`
}

/** An answer of a stat: its rows, or the users behind one number. */
export function answerSchemaOf(stat: Stat): z.ZodType {
  const row = rowSchemaOf(stat)
  const meta = metaOf(stat, stat.meta?.partial().shape).meta({ id: schemaName(stat, 'Meta') })
  const answer = rowsOf(stat.name, row, meta).meta({ id: schemaName(stat, 'Answer') })
  if (stat.drillDown === undefined) return answer
  const ofUsers = metaOf(stat, {
    next_cursor: z.string().optional().describe('Where the next page begins; the last page has none.'),
    users_of: z.string().describe('The number whose users these are.'),
  })
  const description = 'The users behind one number, in the order of their ids.'
  return z.xor([answer, rowsOf(stat.name, user, ofUsers).meta({ id: schemaName(stat, 'Users'), description })])
}

/** A row, in one of its forms where there are two. */
function rowSchemaOf(stat: Stat): z.ZodType {
  const [first, other] = stat.rowForms ?? [stat.row]
  const row = first.meta({ id: schemaName(stat, 'Row') })
  return other === undefined ? row : z.union([row, other.meta({ id: schemaName(stat, 'OtherRow') })])
}

/** Meta: what was resolved, the stat's own parameters as they were written, what only this answer says, warnings. */
function metaOf(stat: Stat, said: z.ZodRawShape = {}): z.ZodObject {
  const schemas = givenSchemas(stat.params)
  const own = paramsOf(stat.params)
    .filter(({ name }) => !(snake(name) in resolvedMeta.shape))
    .map(({ name, default: byDefault }) => {
      const written = z.any().meta(schemas[name]!)
      const isAlwaysKnown = byDefault !== undefined || !stat.params.shape[name]!.safeParse(undefined).success
      return [snake(name), isAlwaysKnown ? written : written.optional()]
    })
  return z.object({ ...resolvedMeta.shape, ...Object.fromEntries(own), ...said, warnings: z.array(z.string()) })
}

/** The day after the last one of the examples' data. */
const exampleAsOf = '2025-03-02'

/** The question of a stat's example, as HTTP takes it. */
export function exampleParams({ example }: Stat): Readonly<Record<string, string | readonly string[]>> {
  return { ...example.params, as_of: exampleAsOf }
}

/** What is answered to it. */
export function exampleAnswer({ example, name }: Stat): object {
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
