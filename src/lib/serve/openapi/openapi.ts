/** The OpenAPI 3.1 document of the server, made of its routes. Pure: it asks no database. */
import { packageVersion } from '../../core/package.js'
import type { Answer, Content, Route } from '../route.js'
import { type Schema, Schemas } from './json-schema.js'
import { parametersOf } from './parameters.js'
import { errorsOf, problems } from './problems.js'

/**
 * The document of GET /openapi.json.
 *
 * @example
 * Object.keys(openApiDocument(routes).paths) // ['/stats', '/stats/dau', …]
 */
export function openApiDocument(routes: readonly Route[]) {
  const schemas = new Schemas()
  const paths: Record<string, Record<string, Schema>> = {}
  for (const route of routes) {
    if (route.operationId === undefined) continue
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operationOf(route, schemas) }
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'ea',
      version: packageVersion(),
      summary: 'Exact answers about events, and events in.',
      description:
        'Answers are the same as those of `ea stats NAME --json`. Errors are application/problem+json with a code. Keys are made with `ea keys create`; a server on the loopback address without keys asks for none.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: [
      { name: 'stats', description: 'Questions about the events. Need the scope read.' },
      { name: 'batches', description: 'What was imported. Need the scope read.' },
      { name: 'events', description: 'Events in. Need the scope write.' },
      { name: 'server', description: 'The server itself.' },
    ],
    security: [{ apiKey: [] }, { bearer: [] }],
    paths,
    components: {
      securitySchemes: {
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'A key of `ea keys create`.' },
        bearer: { type: 'http', scheme: 'bearer', description: 'The same key, or a JWT.' },
      },
      schemas: schemas.components(),
    },
  }
}

const encoding: Schema = {
  name: 'Content-Encoding',
  in: 'header',
  required: false,
  description: 'The body may be compressed.',
  schema: { type: 'string', enum: ['gzip', 'identity'] },
}

function operationOf(route: Route, schemas: Schemas): Schema {
  const { operationId, tag, summary, description, params, query, examples, headers, body, answers = {} } = route
  const parameters = [
    ...parametersOf(params, 'path'),
    ...parametersOf(query, 'query', examples),
    ...parametersOf(headers, 'header'),
    ...(body === undefined ? [] : [encoding]),
  ]
  const content = (of: Content) => mapped(of, ({ schema, ...example }) => ({ schema: schemas.add(schema), ...example }))
  const response = (answer: Answer): Schema => ({
    description: answer.description,
    ...(answer.headers && {
      headers: mapped(answer.headers, (header) => ({ ...header, schema: schemas.add(header.schema) })),
    }),
    ...(answer.content && { content: content(answer.content) }),
  })
  return {
    operationId,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(route.scope === undefined ? { security: [{}] } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body && { requestBody: { required: true, content: content(body.content) } }),
    responses: mapped(withProblems(answers, problems(errorsOf(route))), response),
  }
}

/** All answers; one with a body of its own is listed beside the problem of the same status. */
function withProblems(
  answers: Readonly<Record<string, Answer>>,
  problems: Readonly<Record<string, Answer>>,
): Record<string, Answer> {
  const both = Object.entries(answers).map(([status, own]) => {
    const problem = problems[status]
    if (problem === undefined) return [status, own]
    const description = `${own.description}\n\n${problem.description}`
    return [status, { ...own, description, content: { ...own.content, ...problem.content } }]
  })
  return { ...problems, ...Object.fromEntries(both) }
}

function mapped<V, W>(values: Readonly<Record<string, V>>, change: (value: V) => W): Record<string, W> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]))
}
