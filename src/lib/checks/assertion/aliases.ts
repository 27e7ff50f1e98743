/** The words of assertions, and what people write for them who know another language: for messages and suggestions. */
import { type Aggregate, aggregates } from './assertion.js'

export const aggregateList = aggregates.join(', ')
export const operatorList = '>= > < <= = != or between'

/** What other languages call an aggregate. */
export const foreignAggregates: ReadonlyMap<string, Aggregate> = new Map(
  Object.entries<Aggregate>({
    ...{ avg: 'mean', average: 'mean', total: 'sum', minimum: 'min', maximum: 'max', newest: 'last', latest: 'last' },
    ...{ all: 'every', each: 'every', some: 'any', oldest: 'first', size: 'count', rows: 'count' },
  }),
)

export const foreignOperators: ReadonlyMap<string, string> = new Map(
  Object.entries<string>({
    ...{ '==': '=', '===': '=', '=>': '>=', '≥': '>=', '=<': '<=', '≤': '<=', '<>': '!=', '!': '!=', '≠': '!=' },
    ...{ '!==': '!=', '>==': '>=', '<==': '<=', ':': '=', '~': '=' },
  }),
)

export const bases = ['previous_period', 'previous_year', 'same_weekday'] as const
export const foreignBases: ReadonlyMap<string, string> = new Map(
  Object.entries<string>({
    ...{ last_period: 'previous_period', previous: 'previous_period', last_year: 'previous_year' },
    ...{ previous_week: 'same_weekday(1w)', last_week: 'same_weekday(1w)', yoy: 'previous_year' },
  }),
)

/** The longest look back, and the most batches, that make sense. */
export const mostWeeks = 52
export const mostBatches = 1_000_000
