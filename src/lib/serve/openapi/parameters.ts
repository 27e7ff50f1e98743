/** Parameters as OpenAPI has them, from their zod schemas: in snake case, lists by repeating the name. */
import * as z from 'zod'
import { coreField } from '../../core/field-fault.js'
import { type Param, paramsOf, snake, valueFromText } from '../../stats/query/params.js'
import { otherNames, spelt } from '../http/query-values.js'
import { plain, type Schema } from './json-schema.js'

/** The schema of each parameter as it is given, in words where a grammar says more than JSON Schema can. */
export function givenSchemas(schema: z.ZodObject): Readonly<Record<string, Schema>> {
  const { properties } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', override: plain })
  return Object.fromEntries(
    Object.entries(properties as Record<string, Schema>).map(
      ([name, { aliases: _, default: __, description, ...given }]) => {
        const rule = ruleOf(schema.shape[name] as z.ZodType)
        const words = [spelt(String(description ?? '')), rule].join(' ').trim()
        return [name, { ...given, ...(words === '' ? {} : { description: words }) }]
      },
    ),
  )
}

/** What a check in code demands, as it says itself to a text that it refuses. */
function ruleOf(field: z.ZodType): string {
  if (!(coreField(field).core instanceof z.ZodString)) return ''
  const message = field.safeParse('?').error?.issues[0]?.message ?? ''
  return message.startsWith('must be a') ? `It ${message}.` : ''
}

/**
 * The parameters of a schema.
 *
 * @param examples a value for some of them, by name
 */
export function parametersOf(
  schema: z.ZodObject | undefined,
  place: 'path' | 'query' | 'header',
  examples: Readonly<Record<string, string | readonly string[]>> = {},
): Schema[] {
  if (schema === undefined) return []
  const schemas = givenSchemas(schema)
  return paramsOf(schema).flatMap((param) => {
    const name = place === 'query' ? snake(param.name) : param.name
    const { description, ...given } = schemas[param.name]!
    const hasDefault = param.default !== undefined && !param.isList
    const common = { in: place, ...(param.isList ? { style: 'form', explode: true } : {}) }
    return [
      {
        name,
        ...common,
        required: !(schema.shape[param.name] as z.ZodType).safeParse(undefined).success,
        description,
        schema: hasDefault ? { ...given, default: param.default } : given,
        ...(examples[name] === undefined ? {} : { example: asValue(param, examples[name]) }),
      },
      ...(place === 'query' ? otherNames(param) : []).map((other) => ({
        name: other,
        ...common,
        required: false,
        deprecated: true,
        description: `Another name for \`${name}\`.`,
        schema: given,
      })),
    ]
  })
}

function asValue(param: Param, example: string | readonly string[]): unknown {
  return typeof example === 'string' ? valueFromText(param, example) : example
}
