/** The paths of questions: GET /stats, which lists them, and one path for each stat of the catalog. */
import { stats } from '../stats/catalog.js'
import { type Param, snake } from '../stats/params.js'
import type { Stat } from '../stats/stat.js'
import { examplesOfStats } from './openapi-examples.js'
import { spelt, statParameters } from './openapi-params.js'
import { databaseTrouble, guarded, problems } from './openapi-problems.js'
import { schemaName, statSchemas, userSchema } from './openapi-rows.js'
import { array, object, ref, type Schema, text } from './openapi-schemas.js'

const format: Schema = {
  name: 'format',
  in: 'query',
  required: false,
  description: 'The form of the answer; without it the header Accept decides.',
  schema: { type: 'string', enum: ['json', 'ndjson', 'csv'] },
}

/** What a client sends to hear of changes only. */
export const ifNoneMatch: Schema = {
  name: 'If-None-Match',
  in: 'header',
  required: false,
  description: 'The ETag of an answer that is there already: 304 when it is still the same.',
  schema: text,
}

export const cacheHeaders: Schema = {
  ETag: { description: 'Changes when the answer does.', schema: text },
}

export const notModified: Schema = { description: 'The answer is still the one of this ETag.', headers: cacheHeaders }

/** Names that older services had for a parameter. */
function otherNames({ name }: Param): readonly string[] {
  if (name === 'from') return ['from_date']
  if (name === 'startDate') return ['from', 'from_date']
  return []
}

/** The schemas of `components/schemas` that the paths of stats refer to. */
export const schemasOfStats: Readonly<Record<string, Schema>> = Object.assign(
  { User: userSchema },
  ...stats.map(statSchemas),
)

export const statsPaths: Readonly<Record<string, Schema>> = {
  '/stats': { get: listOperation() },
  ...Object.fromEntries(stats.map((stat) => [`/stats/${stat.name}`, { get: statOperation(stat) }])),
}

function listOperation(): Schema {
  const row = object({
    name: { type: 'string', enum: stats.map(({ name }) => name) },
    summary: text,
    example: text,
    description: text,
  })
  return {
    operationId: 'listStats',
    tags: ['stats'],
    summary: 'List the stats and what each one answers',
    responses: {
      200: {
        description: 'The stats.',
        content: {
          'application/json': { schema: object({ metric: { const: 'stats' }, data: array(row), meta: object({}) }) },
        },
      },
      ...problems(...guarded),
    },
  }
}

function statOperation(stat: Stat): Schema {
  const answers = [ref(schemaName(stat, 'Answer'))]
  const users = stat.users && {
    name: 'users',
    in: 'query',
    required: false,
    description: `List the users behind one number instead: ${spelt(stat.users.cell)}.`,
    schema: text,
  }
  if (users !== undefined) answers.push(ref(schemaName(stat, 'Users')))
  return {
    operationId: `stats_${snake(stat.name).replaceAll('-', '_')}`,
    tags: ['stats'],
    summary: stat.summary,
    description: spelt(stat.description),
    parameters: [
      ...statParameters(stat, examplesOfStats[stat.name]!.asked, otherNames),
      ...(users === undefined ? [] : [users]),
      format,
      ifNoneMatch,
    ],
    responses: {
      200: {
        description: 'The answer.',
        headers: cacheHeaders,
        content: {
          'application/json': { schema: { oneOf: answers }, example: examplesOfStats[stat.name]!.answer },
          'application/x-ndjson': {
            schema: { ...text, description: `One line for each row, each like ${schemaName(stat, 'Row')}.` },
          },
          'text/csv': { schema: { ...text, description: 'A header, and one record for each row (RFC 4180).' } },
        },
      },
      304: notModified,
      ...problems('usage', 'not_acceptable', 'internal_error', ...guarded, ...databaseTrouble),
    },
  }
}
