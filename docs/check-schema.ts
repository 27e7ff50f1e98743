/** The JSON Schema of a check file, for editors: the shape of the file, and for each stat its parameters. */
import * as z from 'zod'
import { checkFileSchema } from '../src/lib/checks/file/check-schema.js'
import { stats } from '../src/lib/stats/catalog.js'
import { kebab, paramsOf, snake } from '../src/lib/stats/query/params.js'
import type { Stat } from '../src/lib/stats/query/stat.js'

type Json = Record<string, unknown>

const inputSchema = (schema: z.ZodType) => z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Json

/** docs/check.schema.json as it should be. */
export function checkFileJsonSchema(): string {
  const { $schema, ...file } = inputSchema(checkFileSchema) as { $schema: string; properties: Record<string, Json> }
  const defaults = file.properties.defaults!.properties as Record<string, Json>
  defaults.segment = oneOrMany(defaults.segment!)
  const check = file.properties.checks!.items as Json
  check.allOf = stats.map((stat) => ({
    if: { properties: { stat: { const: stat.name } }, required: ['stat'] },
    // biome-ignore lint/suspicious/noThenProperty: JSON Schema calls it so
    then: { properties: { params: paramsSchema(stat) } },
  }))
  const whole = { $schema, title: 'Checks of ea', description: 'What `ea check FILE` reads.', ...file }
  return `${JSON.stringify(whole, null, 2)}\n`
}

/** Editors offer the spelling of the flags; the others are known too. */
function paramsSchema(stat: Stat): Json {
  const fields = inputSchema(stat.params).properties as Record<string, Json>
  const names = paramsOf(stat.params).flatMap(({ name, isList, aliases }) => {
    const schema = isList ? oneOrMany(fields[name]!) : fields[name]!
    return [name, ...aliases].map((known) => ({ known, schema }))
  })
  const others = names.filter(({ known }) => kebab(known) !== known)
  return {
    properties: Object.fromEntries(names.map(({ known, schema }) => [kebab(known), schema])),
    patternProperties: Object.fromEntries(others.map(({ known, schema }) => [`^(${known}|${snake(known)})$`, schema])),
    additionalProperties: false,
  }
}

function oneOrMany({ description, default: fallback, ...list }: Json): Json {
  return { description, ...(fallback === undefined ? {} : { default: fallback }), anyOf: [list.items, list] }
}
