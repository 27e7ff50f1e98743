/** Judges answers by the OpenAPI document: finds the schema of a response in it and validates a body by it. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { openApiDocument } from '../../../src/lib/serve/openapi/openapi.js'
import { routes } from '../../../src/lib/serve/routes.js'

interface Content {
  readonly schema: object
  readonly example?: unknown
}

interface Response {
  readonly description: string
  readonly headers?: Readonly<Record<string, { readonly schema: object }>>
  readonly content?: Readonly<Record<string, Content>>
}

export interface Operation {
  readonly operationId: string
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required: boolean }[]
  readonly responses: Readonly<Record<string, Response>>
}

/** The document as a client reads it. */
export const document = JSON.parse(JSON.stringify(openApiDocument(routes))) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}

const ajv = new Ajv2020({
  strict: true,
  strictRequired: false,
  strictTypes: false,
  allErrors: true,
  allowUnionTypes: true,
})
// ESM and CommonJS disagree about what the default of this package is.
;(formats as unknown as (ajv: Ajv2020) => void)(ajv)
// What OpenAPI adds to the words of JSON Schema.
ajv.addVocabulary(['components', 'paths', 'example'])
ajv.addSchema({ $id: 'openapi', components: { schemas: document.components.schemas } })

const compiled = new Map<string, ValidateFunction>()

/**
 * What is wrong with a value, by a schema of the document; empty when nothing is.
 *
 * @param pointer where the schema is in the document, as JSON: `/components/schemas/Batch`, or a schema itself
 */
export function problemsOf(schema: object, value: unknown): string[] {
  const key = JSON.stringify(schema)
  let validate = compiled.get(key)
  if (validate === undefined) {
    validate = ajv.compile(absolute(schema))
    compiled.set(key, validate)
  }
  if (validate(value)) return []
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath || '/'} ${message} ${JSON.stringify(params)}`,
  )
}

/** `#/components/…` seen from a schema that stands alone. */
function absolute(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"openapi#/components/'))
}

/** All responses of the document, one for each content type. */
export interface Documented {
  readonly path: string
  readonly method: string
  readonly status: string
  /** Null for a response without body. */
  readonly type: string | null
  readonly schema: object | null
  readonly headers: Readonly<Record<string, { readonly schema: object }>>
}

export function documentedResponses(): Documented[] {
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, { responses }]) =>
      Object.entries(responses).flatMap(([status, { content, headers = {} }]): Documented[] =>
        content === undefined
          ? [{ path, method, status, type: null, schema: null, headers }]
          : Object.entries(content).map(([type, { schema }]) => ({ path, method, status, type, schema, headers })),
      ),
    ),
  )
}

/** `GET /stats/dau 200 text/csv`. */
export function nameOf({ path, method, status, type }: Omit<Documented, 'schema' | 'headers'>): string {
  return `${method.toUpperCase()} ${path} ${status} ${type ?? 'nothing'}`
}
