/** The words of assertions, and what people write for them who know another language: for messages and suggestions. */
import { aliasesOf } from '../../core/nearest.js'
import { type Aggregate, aggregates } from './assertion.js'

export const aggregateList = aggregates.join(', ')
export const operatorList = '>= > < <= = != or between'

/** What other languages call an aggregate. */
export const foreignAggregates = aliasesOf<Aggregate>({
  mean: 'avg average',
  sum: 'total',
  min: 'minimum',
  max: 'maximum',
  last: 'newest latest',
  first: 'oldest',
  every: 'all each',
  any: 'some',
  count: 'size rows',
})

export const foreignOperators = aliasesOf({ '=': '== === : ~', '>=': '=> ≥ >==', '<=': '=< ≤ <==', '!=': '<> ! ≠ !==' })

export const bases = ['previous_period', 'previous_year', 'same_weekday'] as const
export const foreignBases = aliasesOf({
  previous_period: 'last_period previous',
  previous_year: 'last_year yoy',
  'same_weekday(1w)': 'previous_week last_week',
})

/** The longest look back, and the most batches, that make sense. */
export const mostWeeks = 52
export const mostBatches = 1_000_000
