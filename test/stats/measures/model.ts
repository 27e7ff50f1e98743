/** Measures by brute force, as their definitions read: exact sums in whole hundredths, percentiles by sorting. */
import type { GivenEvent } from '../../support/events.js'

/** A number of an event's property by the rule of comparisons; undefined for any other value. */
function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  return typeof value === 'string' && /^-?[0-9]+(\.[0-9]+)?$/.test(value) ? Number(value) : undefined
}

const isSet = (value: unknown) => value !== undefined && value !== null

/** The numbers of all measures of `amount` over some events. */
export function measuresOf(events: readonly GivenEvent[]): Readonly<Record<string, number | null>> {
  const values = events.map(({ properties }) => properties?.amount)
  const numbers = values.map(numberOf).filter((value) => value !== undefined)
  const users = new Set(events.map(({ user }) => user)).size
  const sum = numbers.reduce((total, value) => total + Math.round(value * 100), 0) / 100
  const orNull = (value: number) => (numbers.length === 0 ? null : value)
  return {
    events: events.length,
    unique_users: users,
    per_user: users === 0 ? null : events.length / users,
    'sum(properties.amount)': sum,
    'avg(properties.amount)': orNull(sum / numbers.length),
    'min(properties.amount)': orNull(Math.min(...numbers)),
    'max(properties.amount)': orNull(Math.max(...numbers)),
    'median(properties.amount)': orNull(percentile(numbers, 0.5)),
    'p1(properties.amount)': orNull(percentile(numbers, 0.01)),
    'p90(properties.amount)': orNull(percentile(numbers, 0.9)),
    'unique(properties.amount)': new Set(values.filter(isSet).map(textOf)).size,
    'sum_per_user(properties.amount)': orNull(sum / users),
  }
}

/** How many events have a value that is no number. */
export function oddValues(events: readonly GivenEvent[]): number {
  return events.filter(({ properties }) => isSet(properties?.amount) && numberOf(properties?.amount) === undefined)
    .length
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function percentile(numbers: readonly number[], fraction: number): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  const place = fraction * (sorted.length - 1)
  const [below, above] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!]
  return below + (above - below) * (place - Math.floor(place))
}
