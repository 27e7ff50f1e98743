/**
 * What is looked at: read from the address of the page and written back to it, so that a view can be shared and the
 * browser's Back works. The names are those of the API. What the address says wrongly is told, never taken for a default.
 */
import { dayGrains, weekdays } from '../../../core/time.js'

export const ranges = [
  ['', 'Newest 31 days'],
  ['7d', 'Newest 7 days'],
  ['28d', 'Newest 28 days'],
  ['91d', 'Newest 91 days'],
  ['365d', 'Newest 365 days'],
  ['all', 'All of the data'],
  ['dates', 'Dates …'],
] as const
export const activeStats = [
  ['dau', 'in each day, week or month'],
  ['wau', 'in the 7 days up to each day'],
  ['mau', 'in the 30 days up to each day'],
] as const

type Allows = (text: string) => boolean
const isDay: Allows = (text) => /^\d{4}-\d\d-\d\d$/.test(text)
const anything: Allows = () => true
const oneOf =
  (values: readonly string[]): Allows =>
  (text) =>
    values.includes(text)

/** Each name of the address: what it is when it is not there, and what it may be. */
const fields = {
  range: { byDefault: '', allows: oneOf(ranges.map(([value]) => value)) },
  from: { byDefault: '', allows: isDay },
  to: { byDefault: '', allows: isDay },
  grain: { byDefault: 'day', allows: oneOf(dayGrains) },
  tz: { byDefault: '', allows: anything },
  week_start: { byDefault: 'monday', allows: oneOf(weekdays) },
  active: { byDefault: 'dau', allows: oneOf(activeStats.map(([value]) => value)) },
  by: { byDefault: 'event_type', allows: anything },
  measure: { byDefault: 'events', allows: oneOf(['events', 'unique_users']) },
  window_type: { byDefault: 'week', allows: oneOf(dayGrains) },
  windows: { byDefault: '8', allows: (text: string) => /^[1-9]\d*$/.test(text) && Number(text) <= 60 },
  window: { byDefault: '14d', allows: anything },
}
const lists = ['segment', 'step'] as const

export type FieldName = keyof typeof fields
type ListName = (typeof lists)[number]
const fieldNames = Object.keys(fields) as FieldName[]
const isOf = <N extends string>(names: readonly N[], name: string): name is N => names.some((one) => one === name)

/** What is looked at. */
export type View = Record<FieldName, string> & Record<ListName, readonly string[]>

/** What changes of it. */
export type ViewChange = Partial<View>

/** The first and the last day; none where the answer's own default is meant. */
export interface Days {
  readonly from?: string
  readonly to?: string
}

/** The view that an address names, and what in it is not understood. */
export function viewOf(search: string): { view: View; problems: string[] } {
  const given = new URLSearchParams(search)
  const texts = (name: ListName) => given.getAll(name).filter((text) => text.trim() !== '')
  const byDefault = Object.fromEntries(fieldNames.map((name) => [name, fields[name].byDefault]))
  const view: View = { ...(byDefault as Record<FieldName, string>), segment: texts('segment'), step: texts('step') }
  const problems: string[] = []
  for (const name of new Set(given.keys())) {
    if (isOf(lists, name)) continue
    const text = given.get(name)!
    if (!isOf(fieldNames, name)) problems.push(`The address has ${name}, which this page does not know.`)
    else if (text !== '' && !fields[name].allows(text)) problems.push(`${name} cannot be ${text}.`)
    else if (text !== '') view[name] = text
  }
  if (view.from !== '' || view.to !== '') view.range = 'dates'
  return { view, problems }
}

/** The address of a view: what is as it is by default is not in it. */
export function searchOf(view: View): string {
  const search = new URLSearchParams()
  for (const name of fieldNames) {
    const isDates = name === 'range' && view.range === 'dates'
    const isUnused = (name === 'from' || name === 'to') && view.range !== 'dates'
    if (view[name] !== fields[name].byDefault && !isDates && !isUnused) search.set(name, view[name])
  }
  for (const name of lists) for (const text of view[name]) search.append(name, text)
  const text = search.toString()
  return text === '' ? '' : `?${text}`
}

/** The parameters that every question of a view has, apart from its days. */
export function frameOf(view: View) {
  return {
    segment: view.segment,
    tz: view.tz || undefined,
    week_start: view.week_start === 'monday' ? undefined : view.week_start,
  }
}

/**
 * The days of a view.
 *
 * @param extent the first and the newest day of the data
 */
export function daysOf(view: View, extent: { first: string | null; last: string | null }): Days {
  const { first, last } = extent
  if (view.range === 'dates') return { ...(view.from && { from: view.from }), ...(view.to && { to: view.to }) }
  if (view.range === '' || last === null) return {}
  if (view.range === 'all') return { from: first!, to: last }
  const back = new Date(`${last}T00:00:00Z`)
  back.setUTCDate(back.getUTCDate() - Number.parseInt(view.range, 10) + 1)
  return { from: back.toISOString().slice(0, 10), to: last }
}
