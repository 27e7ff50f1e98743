/** zod schemas of values of ours as JSON Schema (2020-12), and those with an id as `components/schemas`. */
import * as z from 'zod'

export type Schema = Readonly<Record<string, unknown>>

/** The schemas of a document: they are made together, because many hold the same ones. */
export class Schemas {
  readonly #wanted: { readonly schema: z.ZodType; readonly made: object }[] = []

  /** A schema as the document has it, once `components` is called. */
  add(schema: z.ZodType): Schema {
    const made = {}
    this.#wanted.push({ schema, made })
    return made
  }

  /** Makes the schemas; those that have an id are the result, and are referred to by it. */
  components(): Readonly<Record<string, Schema>> {
    const all = z.object(Object.fromEntries(this.#wanted.map(({ schema }, at) => [at, schema])))
    const text = JSON.stringify(z.toJSONSchema(all, { override: plain }))
    const { properties, $defs } = JSON.parse(text.replaceAll('"#/$defs/', '"#/components/schemas/'))
    for (const [at, { made }] of this.#wanted.entries()) Object.assign(made, properties[at])
    return $defs
  }
}

/** Without what JSON Schema adds to each integer and each date. */
export function plain({ jsonSchema: made }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (made.maximum === Number.MAX_SAFE_INTEGER) delete made.maximum
  if (made.format !== undefined) delete made.pattern
  delete made.id
}
