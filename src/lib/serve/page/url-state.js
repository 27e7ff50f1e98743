/**
 * What is looked at: read from the address of the page and written back to it, so that a view can be shared and the
 * browser's Back works. The names are those of the API. What the address says wrongly is told, never taken for a default.
 */

export const ranges = [
  ['', 'Newest 31 days'],
  ['7d', 'Newest 7 days'],
  ['28d', 'Newest 28 days'],
  ['91d', 'Newest 91 days'],
  ['365d', 'Newest 365 days'],
  ['all', 'All of the data'],
  ['dates', 'Dates …'],
]
export const grains = ['day', 'week', 'month']
export const weekdays = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']
export const activeStats = [
  ['dau', 'in each day, week or month'],
  ['wau', 'in the 7 days up to each day'],
  ['mau', 'in the 30 days up to each day'],
]

const day = /^\d{4}-\d\d-\d\d$/
const oneOf = (values) => (text) => values.includes(text)
const wholeUpTo = (most) => (text) => /^[1-9]\d*$/.test(text) && Number(text) <= most
const anything = () => true

/** Each name of the address: what it is when it is not there, and what it may be. */
const fields = {
  range: { byDefault: '', allows: oneOf(ranges.map(([value]) => value)) },
  from: { byDefault: '', allows: (text) => day.test(text) },
  to: { byDefault: '', allows: (text) => day.test(text) },
  grain: { byDefault: 'day', allows: oneOf(grains) },
  tz: { byDefault: '', allows: anything },
  week_start: { byDefault: 'monday', allows: oneOf(weekdays) },
  active: { byDefault: 'dau', allows: oneOf(activeStats.map(([value]) => value)) },
  by: { byDefault: 'event_type', allows: anything },
  measure: { byDefault: 'events', allows: oneOf(['events', 'unique_users']) },
  window_type: { byDefault: 'week', allows: oneOf(grains) },
  windows: { byDefault: '8', allows: wholeUpTo(60) },
  window: { byDefault: '14d', allows: anything },
}
const lists = ['segment', 'step']

/**
 * The view that an address names, and what in it is not understood.
 *
 * @param {string} search the query of the address
 * @returns {{ view: Record<string, any>, problems: string[] }}
 */
export function viewOf(search) {
  const given = new URLSearchParams(search)
  const view = Object.fromEntries(Object.entries(fields).map(([name, { byDefault }]) => [name, byDefault]))
  for (const name of lists) view[name] = given.getAll(name).filter((text) => text.trim() !== '')
  const problems = []
  for (const name of new Set(given.keys())) {
    if (lists.includes(name)) continue
    const text = given.get(name)
    if (!Object.hasOwn(fields, name)) problems.push(`The address has ${name}, which this page does not know.`)
    else if (text !== '' && !fields[name].allows(text)) problems.push(`${name} cannot be ${text}.`)
    else if (text !== '') view[name] = text
  }
  if (view.from !== '' || view.to !== '') view.range = 'dates'
  return { view, problems }
}

/** The address of a view: what is as it is by default is not in it. */
export function searchOf(view) {
  const search = new URLSearchParams()
  for (const [name, { byDefault }] of Object.entries(fields)) {
    const isDates = name === 'range' && view.range === 'dates'
    const isUnused = (name === 'from' || name === 'to') && view.range !== 'dates'
    if (view[name] !== byDefault && !isDates && !isUnused) search.set(name, view[name])
  }
  for (const name of lists) for (const text of view[name]) search.append(name, text)
  const text = search.toString()
  return text === '' ? '' : `?${text}`
}

/** The parameters that every question of a view has, apart from its days. */
export function frameOf(view) {
  return {
    segment: view.segment,
    ...(view.tz === '' ? {} : { tz: view.tz }),
    ...(view.week_start === 'monday' ? {} : { week_start: view.week_start }),
  }
}

/**
 * The first and last day of a view; none where the answer's own default is meant.
 *
 * @param {{ data_from: string | null, data_until: string | null }} extent the first and the newest day of the data
 */
export function daysOf(view, { data_from: first, data_until: last }) {
  if (view.range === 'dates') return { ...(view.from && { from: view.from }), ...(view.to && { to: view.to }) }
  if (view.range === '' || last === null) return {}
  if (view.range === 'all') return { from: first, to: last }
  const back = new Date(`${last}T00:00:00Z`)
  back.setUTCDate(back.getUTCDate() - Number.parseInt(view.range, 10) + 1)
  return { from: back.toISOString().slice(0, 10), to: last }
}
