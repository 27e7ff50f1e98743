/** The query of `GET /stats/<stat>` as a question: which parameters it takes by which names, and what was asked. */
import * as z from 'zod'
import { EaError } from '../../core/errors.js'
import { userBefore } from '../../stats/query/drill-down.js'
import type { UserPage } from '../../stats/query/drill-down-sql.js'
import { plainParams } from '../../stats/query/params.js'
import type { Stat } from '../../stats/query/stat.js'
import { type AnswerFormat, drawnFormats, wireFormats } from '../http/negotiate.js'
import { formatField, type ReadQuery, spelt, wholeNumber } from '../http/query-values.js'

/** Which part of a list of users. */
const pageFields = {
  pageSize: wholeNumber(1, 100_000).default(10_000).describe('How many users a page has at most, with `users`.'),
  cursor: z
    .string()
    .transform((text, context) => {
      const after = userBefore(text)
      if (after === undefined) context.addIssue('must be meta.next_cursor of the page before')
      return after
    })
    .optional()
    .describe(
      'Where the page begins, with `users`: `meta.next_cursor` of the page before. The last page has none. In CSV the header Link has the address of the next page.',
    ),
}

/** How a chart is drawn, for `format=svg`. */
const drawing = z.object({
  width: wholeNumber(240, 2000).default(800).describe('How wide a chart (svg) is, in pixels.'),
  colors: z
    .enum(['light', 'variables'])
    .default('light')
    .describe(
      'The colours of a chart (svg): its own, on a light ground, or `variables` of CSS (--chart-1 …), for pages that take the chart in and say which colours they have.',
    ),
})

/** The forms in which the answers of a stat can be had. */
export function formatsOf({ chart }: Stat): readonly AnswerFormat[] {
  return chart === undefined ? wireFormats : drawnFormats
}

/** What a query can hold: the parameters of the stat, and what is asked over HTTP beside them. */
export function queryOf(stat: Stat) {
  const { drillDown } = stat
  const users = drillDown && {
    users: z
      .string()
      .optional()
      .describe(`List the users behind one number instead: ${spelt(drillDown.key)}.`),
    ...pageFields,
  }
  return stat.params.safeExtend({
    ...users,
    format: formatField(formatsOf(stat)),
    ...(stat.chart === undefined ? {} : drawing.shape),
  })
}

/** What is asked beside the stat's own parameters. */
type Beside = z.output<typeof drawing> & {
  readonly users?: string
  readonly pageSize: number
  readonly cursor?: string
}

/** A question that was asked; its parameters are valid. */
export interface Question {
  readonly stat: Stat
  /** As given, in camel case. */
  readonly given: Readonly<Record<string, unknown>>
  readonly params: Readonly<Record<string, unknown>>
  /** The number whose users are asked for. */
  readonly cell: string | undefined
  /** Which part of these users. */
  readonly page: UserPage
  /** How a chart of the answer is drawn. */
  readonly drawing: z.output<typeof drawing>
  /** The same for the same question, however it was written. */
  readonly key: string
}

/**
 * What a query asks.
 *
 * @throws EaError `usage` for a page of something that is not a list of users
 * @example
 * questionOf(dauStat, readQuery(queryOf(dauStat), request.query, 'dau')).params // { from: '2025-08-01', grain: 'day', … }
 */
export function questionOf(stat: Stat, { query, given }: ReadQuery): Question {
  const { users: cell, pageSize: size, cursor: after, width, colors } = query as unknown as Beside
  if (cell === undefined && (given.pageSize ?? given.cursor) !== undefined) {
    const name = given.pageSize === undefined ? 'cursor' : 'page_size'
    throw new EaError('usage', `${name} is for lists of users, and users is missing.`, {
      suggestions: ['Add users=CELL, or leave it out.'],
    })
  }
  const ownOf = (values: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(Object.entries(values).filter(([name]) => name in stat.params.shape))
  const params = ownOf(query)
  const page = { size, after }
  const key = JSON.stringify([stat.name, plainParams(params), cell, page])
  return { stat, given: ownOf(given), params, cell, page, drawing: { width, colors }, key }
}
