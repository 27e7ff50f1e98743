/** The paths of questions: GET /stats, which lists them, and one path for each stat of the catalog. */
import { stats } from '../../stats/catalog.js'
import { snake } from '../../stats/query/params.js'
import type { Stat } from '../../stats/query/stat.js'
import { chartColors, chartWidths, userPageSizes } from '../answers/stat-query.js'
import { drawnFormats, wireFormats } from '../http/negotiate.js'
import { answerSchema, contentIn, formatParameter } from './forms.js'
import { spelt, statParameters } from './params.js'
import { databaseTrouble, guarded, problems } from './problems.js'
import { exampleAnswer, exampleParams, schemaName, statSchemas, userSchema } from './rows.js'
import { array, object, ref, type Schema, text } from './schemas.js'

/** What a client sends to hear of changes only. */
const ifNoneMatch: Schema = {
  name: 'If-None-Match',
  in: 'header',
  required: false,
  description: 'The ETag of an answer that is there already: 304 when it is still the same.',
  schema: text,
}

/** How a chart is drawn, for `format=svg`. */
const drawingParameters: readonly Schema[] = [
  {
    name: 'width',
    in: 'query',
    required: false,
    description: 'How wide a chart (svg) is, in pixels.',
    schema: {
      type: 'integer',
      minimum: chartWidths.least,
      maximum: chartWidths.most,
      default: chartWidths.byDefault,
    },
  },
  {
    name: 'colors',
    in: 'query',
    required: false,
    description:
      'The colours of a chart (svg): its own, on a light ground, or `variables` of CSS (--chart-1 …), for pages that take the chart in and say which colours they have.',
    schema: { type: 'string', enum: chartColors, default: chartColors[0] },
  },
]

/** Which part of a list of users. */
const pageParameters: readonly Schema[] = [
  {
    name: 'page_size',
    in: 'query',
    required: false,
    description: 'How many users a page has at most, with `users`.',
    schema: {
      type: 'integer',
      minimum: userPageSizes.least,
      maximum: userPageSizes.most,
      default: userPageSizes.byDefault,
    },
  },
  {
    name: 'cursor',
    in: 'query',
    required: false,
    description:
      'Where the page begins, with `users`: `meta.next_cursor` of the page before. The last page has none. In CSV the header Link has the address of the next page.',
    schema: text,
  },
]

const cacheHeaders: Schema = {
  ETag: { description: 'Changes when the answer does.', schema: text },
}

const notModified: Schema = { description: 'The answer is still the one of this ETag.', headers: cacheHeaders }

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
  const names = { type: 'string', enum: stats.map(({ name }) => name) }
  const row = object({
    name: names,
    summary: text,
    example: text,
    description: text,
    params: { ...text, description: 'Their names, with commas between them.' },
    columns: { ...text, description: 'The columns of a row, each with its kind: `date: date, unique_users: count`.' },
  })
  const meta = object({ warnings: array(text) })
  return {
    operationId: 'listStats',
    tags: ['stats'],
    summary: 'List the stats and what each one answers',
    parameters: [formatParameter()],
    responses: {
      200: { description: 'The stats.', content: contentIn(wireFormats, answerSchema('stats', array(row), meta)) },
      ...problems('usage', 'not_acceptable', ...guarded),
    },
  }
}

function statOperation(stat: Stat): Schema {
  const answers = [ref(schemaName(stat, 'Answer'))]
  const users = stat.drillDown && {
    name: 'users',
    in: 'query',
    required: false,
    description: `List the users behind one number instead: ${spelt(stat.drillDown.key)}.`,
    schema: text,
  }
  const isDrawn = stat.chart !== undefined
  const formats = isDrawn ? drawnFormats : wireFormats
  if (users !== undefined) answers.push(ref(schemaName(stat, 'Users')))
  return {
    operationId: `stats_${snake(stat.name).replaceAll('-', '_')}`,
    tags: ['stats'],
    summary: stat.summary,
    description: spelt(stat.description),
    parameters: [
      ...statParameters(stat, exampleParams(stat)),
      ...(users === undefined ? [] : [users, ...pageParameters]),
      formatParameter(formats),
      ...(isDrawn ? drawingParameters : []),
      ifNoneMatch,
    ],
    responses: {
      200: {
        description: 'The answer.',
        headers: cacheHeaders,
        content: contentIn(formats, { oneOf: answers }, exampleAnswer(stat)),
      },
      304: notModified,
      ...problems('usage', 'answer_too_large', 'not_acceptable', 'internal_error', ...guarded, ...databaseTrouble),
    },
  }
}
