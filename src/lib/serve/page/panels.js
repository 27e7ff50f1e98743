/**
 * The panels of the page: which question each asks for a view, and how its numbers stand in a table. A panel knows neither
 * the server nor the page around it.
 */

import { count, plural, rate, span } from './format.js'
import { heatMap } from './tables.js'
import { activeStats, frameOf } from './url-state.js'

/**
 * @typedef {object} Panel
 * @property {string} id
 * @property {(view: any) => string} title
 * @property {(view: any) => string} stat
 * @property {(view: any, days: any) => Record<string, any> | undefined} params undefined: there is nothing to ask yet
 * @property {(answer: any, drill: any) => { columns: any[], rows: any[], foot?: any[] } | HTMLElement} table
 * @property {boolean} [isOpen] whether the table is shown without being asked for
 * @property {boolean} [isWide]
 * @property {boolean} [hasManyOptions] more than fit beside the title
 * @property {string} [empty] what to say when params are undefined
 */

const grained = (view) => (view.grain === 'day' ? {} : { grain: view.grain })
const over = (view, days) => ({ ...days, ...frameOf(view) })

/** @type {Panel[]} */
export const panels = [
  {
    id: 'active',
    title: () => 'Active users',
    stat: ({ active }) => active,
    params: (view, days) => ({ ...over(view, days), ...(view.active === 'dau' ? grained(view) : {}) }),
    isWide: true,
    table: ({ data }) => ({
      columns: [
        { heading: 'Date', isText: true, cell: ({ date }) => date },
        {
          heading: 'Active users',
          cell: ({ date, unique_users: users, complete }) => ({
            ...numberOf(users, date, `the active users of ${date}`),
            isIncomplete: complete === false && users !== null,
          }),
        },
      ],
      rows: data,
    }),
  },
  {
    id: 'trend',
    title: ({ by, measure }) =>
      `${measure === 'events' ? 'Events' : 'Users'} by ${by === 'event_type' ? 'type' : by.replace(/^properties\./, '')}`,
    stat: () => 'trend',
    params: (view, days) => ({
      ...over(view, days),
      ...grained(view),
      by: view.by,
      ...(view.measure === 'events' ? {} : { measure: view.measure }),
      limit: 6,
    }),
    table: trendTable,
  },
  {
    id: 'top-events',
    title: () => 'Top events',
    stat: () => 'top-events',
    params: (view, days) => ({ ...over(view, days), limit: 10 }),
    table: ({ data }) => ({
      columns: [
        { heading: 'Event type', isText: true, cell: ({ event_type: type }) => type },
        { heading: 'Events', cell: ({ event_type: type, events }) => numberOf(events, type, `the users with ${type}`) },
        { heading: 'Share', cell: ({ share }) => rate(share) },
      ],
      rows: data,
    }),
  },
  {
    id: 'retention',
    title: () => 'Retention',
    stat: () => 'retention',
    params: ({ windows, window_type: kind, ...view }, { from, to }) => ({
      ...(from === undefined ? {} : { start_date: from }),
      ...(to === undefined ? {} : { to }),
      ...frameOf(view),
      windows,
      ...(kind === 'week' ? {} : { window_type: kind }),
    }),
    isOpen: true,
    isWide: true,
    table: heatMap,
  },
  {
    id: 'funnel',
    title: () => 'Funnel',
    stat: () => 'funnel',
    params: (view, days) =>
      view.step.length < 2
        ? undefined
        : { ...over(view, days), step: view.step, ...(view.window === '14d' ? {} : { window: view.window }) },
    hasManyOptions: true,
    empty: 'Enter at least two steps: event types in order, for example app_open, then purchase[properties.price>10].',
    isOpen: true,
    isWide: true,
    table: funnelTable,
  },
  {
    id: 'lifecycle',
    title: () => 'Lifecycle',
    stat: () => 'lifecycle',
    params: (view, days) => ({ ...over(view, days), ...grained(view) }),
    table: ({ data }) => ({
      columns: [
        {
          heading: 'Date',
          isText: true,
          cell: ({ date, complete }) => ({ text: date, isIncomplete: complete === false }),
        },
        ...['new', 'returning', 'resurrecting', 'dormant'].map((state) => ({
          heading: state,
          cell: ({ date, [state]: users }) => numberOf(users, `${date}:${state}`, `the ${state} users of ${date}`),
        })),
      ],
      rows: data,
    }),
  },
  {
    id: 'stickiness',
    title: () => 'Stickiness',
    stat: () => 'stickiness',
    params: (view, days) => ({ ...over(view, days), ...grained(view) }),
    table: ({ data, meta }) => ({
      columns: [
        { heading: `Active ${meta.grain}s`, isText: true, cell: ({ periods_active: active }) => String(active) },
        {
          heading: 'Users',
          cell: ({ periods_active: active, users }) =>
            numberOf(users, String(active), `the users active in ${plural(active, meta.grain)}`),
        },
      ],
      rows: data,
    }),
  },
]

const formats = { count, rate, seconds: span }

/**
 * Panels of the stats that none of those above shows, as the server lists them: over the days of the page, every column as
 * the answer has it. A stat that needs more than that has none.
 *
 * @param {{ name: string, summary: string, params: string, columns: string }[]} listed `data` of `GET /stats`
 * @returns {Panel[]}
 */
export function otherPanels(listed) {
  const shown = [...panels.map(({ id }) => id), ...activeStats.map(([value]) => value)]
  return listed
    .filter(({ name, params }) => !shown.includes(name) && params.split(', ').includes('from'))
    .map(({ name, summary, params, columns }) => ({
      id: name,
      title: () => summary,
      stat: () => name,
      params: (view, days) => ({ ...over(view, days), ...(params.split(', ').includes('grain') ? grained(view) : {}) }),
      table: ({ data }) => ({ columns: columns.split(', ').map(columnOf), rows: data }),
    }))
}

function columnOf(text) {
  const [name, kind] = text.split(': ')
  const format = formats[kind]
  const words = name.replaceAll('_', ' ')
  return {
    heading: words[0].toUpperCase() + words.slice(1),
    isText: format === undefined,
    cell: (row) => {
      const value = row[name]
      if (value === null || value === undefined) return '–'
      return format === undefined ? [value].flat().join(', ') : format(value)
    },
  }
}

function numberOf(number, users, name) {
  return { text: count(number), users: number > 0 ? users : undefined, name }
}

/** A trend has a row for each date and key: dates go down, keys across. */
function trendTable(answer) {
  const { data, meta } = answer
  const keys = [...new Set(data.map(({ key }) => key))]
  const byDate = new Map()
  for (const { date, key, value, complete } of data) {
    const row = byDate.get(date) ?? { date, isIncomplete: complete === false, values: new Map() }
    row.values.set(key, value)
    byDate.set(date, row)
  }
  return {
    columns: [
      { heading: 'Date', isText: true, cell: ({ date, isIncomplete }) => ({ text: date, isIncomplete }) },
      ...keys.map((key) => ({
        heading: key ?? '(none)',
        cell: ({ date, values }) => {
          // Who has no such property cannot be named by a text.
          const users = key === null ? undefined : `${date}:${key}`
          return {
            ...numberOf(values.get(key), users, `the users with ${key ?? 'none'} in the ${meta.grain} of ${date}`),
          }
        },
      })),
    ],
    rows: [...byDate.values()],
  }
}

function funnelTable({ data }) {
  return {
    columns: [
      { heading: 'Step', isText: true, cell: ({ step, event_type: type }) => `${step}. ${type}` },
      {
        heading: 'Users',
        cell: ({ step, users }) => numberOf(users, String(step), `the users who reached step ${step}`),
      },
      { heading: 'From first step', cell: ({ rate_from_first: share }) => rate(share) },
      { heading: 'From previous step', cell: ({ rate_from_previous: share }) => rate(share) },
      {
        heading: 'Lost at this step',
        cell: ({ step, users }, index) =>
          index === 0
            ? '–'
            : numberOf(
                data[index - 1].users - users,
                `-${step}`,
                `the users who reached step ${step - 1} and not step ${step}`,
              ),
      },
      { heading: 'Median time', cell: ({ median_seconds: seconds }) => span(seconds) },
      { heading: 'Mean time', cell: ({ mean_seconds: seconds }) => span(seconds) },
    ],
    rows: data,
  }
}
