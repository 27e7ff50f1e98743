/** The parameters of a stat as OpenAPI has them, from its zod schema: in snake case, lists by repeating the name. */
import * as z from 'zod'
import { type Param, paramsOf, snake, valueFromText } from '../../stats/query/params.js'
import type { Stat } from '../../stats/query/stat.js'
import { otherNames } from '../answers/stat-query.js'
import type { Schema } from './schemas.js'

/** The schema of a parameter as it is given, in words where a grammar says more than JSON Schema can. */
export function givenSchema(stat: Stat, name: string): Schema {
  const { properties } = z.toJSONSchema(stat.params, { io: 'input', unrepresentable: 'any' })
  const { aliases: _, description, ...schema } = (properties as Record<string, Record<string, unknown>>)[name]!
  const rule = ruleOf(stat, name)
  return {
    ...schema,
    ...(description === undefined ? {} : { description: [spelt(description as string), rule].join(' ').trim() }),
  }
}

/** What a check in code demands, as it says itself to a text that it refuses. */
function ruleOf(stat: Stat, name: string): string {
  const { error } = stat.params.shape[name]!.safeParse('?')
  const message = error?.issues[0]?.message ?? ''
  return message.startsWith('must be a') ? `It ${message}.` : ''
}

/** `--window-type` is `window_type` here. */
export function spelt(words: string): string {
  return words.replace(/--([a-z]+(-[a-z]+)*)/g, (_, name: string) => `\`${name.replaceAll('-', '_')}\``)
}

/**
 * The parameters of `GET /stats/<stat>` that its schema knows.
 *
 * @param examples a value for some of them, by name
 */
export function statParameters(stat: Stat, examples: Readonly<Record<string, string | readonly string[]>>): Schema[] {
  return paramsOf(stat.params).flatMap((param) => {
    const name = snake(param.name)
    const { description, ...schema } = givenSchema(stat, param.name)
    const isRequired = !stat.params.shape[param.name]!.safeParse(undefined).success
    const common = { in: 'query', ...(param.isList ? { style: 'form', explode: true } : {}) }
    return [
      {
        name,
        ...common,
        required: isRequired,
        description,
        schema,
        ...(examples[name] === undefined ? {} : { example: asValue(param, examples[name]) }),
      },
      ...otherNames(param).map((other) => ({
        name: other,
        ...common,
        required: false,
        deprecated: true,
        description: `Another name for \`${name}\`.`,
        schema: withoutDefault(schema),
      })),
    ]
  })
}

function asValue(param: Param, example: string | readonly string[]): unknown {
  return typeof example === 'string' ? valueFromText(param, example) : example
}

function withoutDefault({ default: _, ...schema }: Schema): Schema {
  return schema
}
