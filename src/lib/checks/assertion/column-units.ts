/** What the columns of an answer mean for assertions: in what they are counted, and which can pick rows. */
import type { Column, ColumnKind } from '../../core/result.js'
import { isDay } from '../../core/time.js'

/** What can be compared: numbers of something, shares from 0 to 1, lengths of time. */
export type Unit = 'count' | 'rate' | 'seconds'

const unitOfKind: Partial<Record<ColumnKind, Unit>> = {
  count: 'count',
  counts: 'count',
  bytes: 'count',
  number: 'count',
  rate: 'rate',
  rates: 'rate',
  seconds: 'seconds',
}

/** The unit of a column's values; undefined when they are no numbers. */
export function unitOf({ kind }: Column): Unit | undefined {
  return unitOfKind[kind]
}

/** Whether each cell of a column is a list. */
export function isList({ kind }: Column): boolean {
  return kind === 'counts' || kind === 'rates' || kind === 'flags'
}

/** Whether rows can be picked by a column: numbers with decimals and lists have no value that one could write. */
export function isKey({ kind }: Column): boolean {
  return ['text', 'date', 'instant', 'count', 'flag'].includes(kind)
}

/** What a value of a key column must look like, when the given one does not. */
export function expectedValue({ kind, name }: Column, value: string): string | undefined {
  switch (kind) {
    case 'date':
      return isDay(value) ? undefined : `a day such as ${name}=2025-08-31`
    case 'instant':
      return isDay(value.slice(0, 10)) && !Number.isNaN(Date.parse(value))
        ? undefined
        : `an instant such as ${name}=2025-08-31T06:00:00+03:00`
    case 'count':
      return /^\d{1,15}$/.test(value) ? undefined : `a number such as ${name}=2`
    case 'flag':
      return value === 'true' || value === 'false' ? undefined : 'true or false'
    default:
      return undefined
  }
}
