/** The query of `GET /stats/<stat>` as a question: which parameters it takes by which names, and what was asked. */

import { EaError } from '../../core/errors.js'
import { userBefore } from '../../stats/query/drill-down.js'
import type { UserPage } from '../../stats/query/drill-down-sql.js'
import { givenParams, type Param, paramsOf, parseParams, plainParams, snake } from '../../stats/query/params.js'
import type { Stat } from '../../stats/query/stat.js'
import { type KnownName, readQuery } from '../http/query-values.js'

/** Names that older services have for a parameter or for another name of it. */
const olderNames: Readonly<Record<string, string>> = { from: 'from_date', to: 'to_date' }

/**
 * The other names that HTTP takes for a parameter, in snake case.
 *
 * @example
 * otherNames(startDate) // ['from', 'from_date']
 */
export function otherNames(param: Param): string[] {
  const names = [param.name, ...param.aliases].map(snake)
  return [...names, ...names.flatMap((name) => olderNames[name] ?? [])].slice(1)
}

/** Whose colours a chart has: its own, or those of the page that takes it in, by CSS variables. */
export const chartColors = ['light', 'variables'] as const

/** The widths that a chart can have, in pixels. */
export const chartWidths = { least: 240, most: 2000, byDefault: 800 } as const

/** How many users a page can have. */
export const userPageSizes = { least: 1, most: 100_000, byDefault: 10_000 } as const

interface Drawing {
  /** In pixels. */
  readonly width: number
  readonly colors: (typeof chartColors)[number]
}

/** A question that was asked; its parameters are of their form. */
export interface Question {
  readonly stat: Stat
  /** As given, in camel case. */
  readonly given: Readonly<Record<string, unknown>>
  readonly params: Readonly<Record<string, unknown>>
  /** The number whose users are asked for. */
  readonly cell: string | undefined
  /** Which part of these users. */
  readonly page: UserPage
  /** What `format` says. */
  readonly format: string | undefined
  /** How a chart of the answer is drawn. */
  readonly drawing: Drawing
  /** The same for the same question, however it was written. */
  readonly key: string
}

/** How HTTP writes the name of a parameter. */
export const spellForHttp = snake

/**
 * A reader of queries for one stat.
 *
 * @returns a function that throws EaError `usage`
 * @example
 * const readQuestion = questionReader(dauStat)
 * readQuestion(request.query).params // { from: '2025-08-01', grain: 'day', … }
 */
export function questionReader(stat: Stat): (query: unknown) => Question {
  const params = paramsOf(stat.params)
  const known: KnownName[] = [
    ...params.map((param) => ({
      name: snake(param.name),
      otherNames: otherNames(param),
      isList: param.isList,
    })),
    ...(stat.drillDown === undefined ? [] : [{ name: 'users' }, { name: 'page_size' }, { name: 'cursor' }]),
    { name: 'format' },
    ...(stat.chart !== undefined ? [{ name: 'width' }, { name: 'colors' }] : []),
  ]
  return (query) => {
    const texts = readQuery(query, known, stat.name)
    const given = givenParams(params, (param) => {
      const values = texts.get(snake(param.name))
      return param.isList ? values : values?.[0]
    })
    const parsed = parseParams(stat.params, given, spellForHttp)
    const cell = texts.get('users')?.[0]
    const page = pageOf(cell, texts.get('page_size')?.[0], texts.get('cursor')?.[0])
    return {
      stat,
      given,
      params: parsed,
      cell,
      page,
      format: texts.get('format')?.[0],
      drawing: drawingOf(texts.get('width')?.[0], texts.get('colors')?.[0]),
      key: JSON.stringify([stat.name, plainParams(parsed), cell, page]),
    }
  }
}

function pageOf(cell: string | undefined, sizeText?: string, cursor?: string): UserPage {
  const { least, most, byDefault } = userPageSizes
  if (cell === undefined && (sizeText ?? cursor) !== undefined) {
    const name = sizeText === undefined ? 'cursor' : 'page_size'
    throw new EaError('usage', `${name} is for lists of users, and users is missing.`, {
      suggestions: ['Add users=CELL, or leave it out.'],
    })
  }
  const size = sizeText === undefined ? byDefault : /^\d{1,7}$/.test(sizeText) ? Number(sizeText) : 0
  if (size < least || size > most) {
    throw new EaError(
      'usage',
      `page_size must be a whole number from ${least} to ${most}, not ${JSON.stringify(sizeText)}.`,
    )
  }
  const after = cursor === undefined ? undefined : userBefore(cursor)
  if (cursor !== undefined && after === undefined) {
    throw new EaError('usage', `cursor must be meta.next_cursor of the page before, not ${JSON.stringify(cursor)}.`)
  }
  return { size, after }
}

function drawingOf(widthText = String(chartWidths.byDefault), colorsText: string = chartColors[0]): Drawing {
  const { least, most } = chartWidths
  const width = /^\d{1,4}$/.test(widthText) ? Number(widthText) : 0
  if (width < least || width > most) {
    throw new EaError(
      'usage',
      `width must be a whole number from ${least} to ${most}, not ${JSON.stringify(widthText)}.`,
    )
  }
  const colors = chartColors.find((name) => name === colorsText)
  if (colors === undefined) {
    throw new EaError('usage', `colors must be ${chartColors.join(' or ')}, not ${JSON.stringify(colorsText)}.`)
  }
  return { width, colors }
}
