/**
 * How many numbers an answer has at most: windows times keys, cohorts times windows. It is known before the question is
 * asked, so an answer that nobody could read, and that would fill the memory of whoever makes it, is refused at once.
 */

import { EaError } from '../../core/errors.js'
import { addWindows, daysBetween, type Grain } from '../../core/time.js'
import { grouped } from '../../present/tables/cell-text.js'
import type { QueryContext } from './query-context.js'

/** The most numbers of one answer: some twenty megabytes of JSON. */
export const maxNumbers = 250_000

/** What the size of an answer is a product of. */
export interface SizeFactor {
  readonly count: number
  /** What is counted, in the plural: `keys`. */
  readonly of: string
  /** The parameters that make it smaller, in camel case. */
  readonly params: readonly string[]
}

/** How many windows the range has; for hours about so many, because clocks are changed. */
export function countWindows(grain: Grain, { range }: Pick<QueryContext, 'range'>): number {
  if (range === undefined) return 0
  const days = daysBetween(range.from, range.to)
  switch (grain) {
    case 'hour':
      return 24 * days
    case 'day':
      return days
    case 'week':
      return Math.ceil(days / 7)
    case 'month': {
      let months = 0
      for (let start = range.from; start < range.to; start = addWindows(start, 'month', 1)) months++
      return months
    }
  }
}

/**
 * Refuses an answer that would be too large.
 *
 * @param spell how the caller writes the names of parameters
 * @throws EaError `answer_too_large`, with what to change
 */
export function requireAnswerable(factors: readonly SizeFactor[], spell = (name: string) => name): void {
  const numbers = factors.reduce((product, { count }) => product * count, 1)
  if (numbers <= maxNumbers) return
  const product = factors.map(({ count, of }) => `${grouped(count)} ${of}`).join(' times ')
  throw new EaError(
    'answer_too_large',
    `The answer could have ${grouped(numbers)} numbers (${product}); ${grouped(maxNumbers)} is the most.`,
    {
      suggestions: factors.map(({ count, of, params }) => {
        const most = Math.max(1, Math.floor(maxNumbers / (numbers / count)))
        return `Ask for ${grouped(most)} ${of} or fewer: ${params.map(spell).join(', ')}.`
      }),
      details: { numbers, max_numbers: maxNumbers },
    },
  )
}
