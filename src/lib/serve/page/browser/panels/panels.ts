/**
 * The panels of the page: which question each asks for a view, and how its numbers stand in a table. A panel knows neither
 * the server nor the page around it.
 */
import type { ColumnKind } from '../../../../core/result.js'
import type { AnyAnswer, AnyParams, ParamsOf, StatAnswer, StatList, StatName } from '../answers.js'
import { count, plural, rate } from '../format.js'
import { activeStats, type Days, frameOf, type View } from '../url-state.js'
import { type Cell, numberOf, type Table, tableOf } from './data-table.js'

interface PanelLook {
  readonly id: string
  title(view: View): string
  /** Whether the table is shown without being asked for. */
  readonly isOpen?: boolean
  readonly isWide?: boolean
  /** More than fit beside the title. */
  readonly hasManyOptions?: boolean
  /** What to say when there is nothing to ask yet. */
  readonly empty?: string
}

export interface Panel extends PanelLook {
  stat(view: View): string
  /** Undefined: there is nothing to ask yet. */
  params(view: View, days: Days): AnyParams | undefined
  table(answer: AnyAnswer): Table
}

/** A panel of a stat that is known here, so that its parameters and columns are checked. */
function panelOf<N extends StatName>(
  panel: PanelLook & {
    readonly stat?: (view: View) => N
    readonly params: (view: View, days: Days) => ParamsOf<N> | undefined
    readonly table: (answer: StatAnswer<N>) => Table
  },
): Panel {
  return { ...panel, stat: panel.stat ?? (() => panel.id), table: panel.table as unknown as Panel['table'] }
}

/** What differs from a default, which the address of a question leaves out. */
const unless = (byDefault: string, value: string) => (value === byDefault ? undefined : value)
const over = (view: View, days: Days) => ({ ...days, ...frameOf(view) })
const states = ['new', 'returning', 'resurrecting', 'dormant'] as const

export const panels: readonly Panel[] = [
  panelOf<'dau' | 'wau' | 'mau'>({
    id: 'active',
    title: () => 'Active users',
    stat: ({ active }) => active as 'dau' | 'wau' | 'mau',
    params: (view, days) => ({
      ...over(view, days),
      grain: view.active === 'dau' ? unless('day', view.grain) : undefined,
    }),
    isWide: true,
    table: ({ data }) =>
      tableOf(data, [
        { of: 'date', kind: 'date' },
        {
          of: 'unique_users',
          kind: 'count',
          heading: 'Active users',
          users: ({ date }) => [date, `the active users of ${date}`],
          isIncomplete: ({ complete, unique_users: users }) => !complete && users !== null,
        },
      ]),
  }),
  panelOf<'trend'>({
    id: 'trend',
    title: ({ by, measure }) =>
      `${measure === 'events' ? 'Events' : 'Users'} by ${by === 'event_type' ? 'type' : by.replace(/^properties\./, '')}`,
    params: (view, days) => ({
      ...over(view, days),
      grain: unless('day', view.grain),
      by: view.by,
      measure: unless('events', view.measure),
      limit: 6,
    }),
    table: trendTable,
  }),
  panelOf<'top-events'>({
    id: 'top-events',
    title: () => 'Top events',
    params: (view, days) => ({ ...over(view, days), limit: 10 }),
    table: ({ data }) =>
      tableOf(data, [
        { of: 'event_type', kind: 'text' },
        { of: 'events', kind: 'count', users: ({ event_type: type = '' }) => [type, `the users with ${type}`] },
        { of: 'share', kind: 'rate' },
      ]),
  }),
  panelOf<'retention'>({
    id: 'retention',
    title: () => 'Retention',
    params: (view, { from, to }) => ({
      start_date: from,
      to,
      ...frameOf(view),
      windows: view.windows,
      window_type: unless('week', view.window_type),
    }),
    isOpen: true,
    isWide: true,
    table: heatMap,
  }),
  panelOf<'funnel'>({
    id: 'funnel',
    title: () => 'Funnel',
    params: (view, days) =>
      view.step.length < 2 ? undefined : { ...over(view, days), step: view.step, window: unless('14d', view.window) },
    hasManyOptions: true,
    empty: 'Enter at least two steps: event types in order, for example app_open, then purchase[properties.price>10].',
    isOpen: true,
    isWide: true,
    table: funnelTable,
  }),
  panelOf<'lifecycle'>({
    id: 'lifecycle',
    title: () => 'Lifecycle',
    params: (view, days) => ({ ...over(view, days), grain: unless('day', view.grain) }),
    table: ({ data }) =>
      tableOf(data, [
        { of: 'date', kind: 'date', isIncomplete: ({ complete }) => !complete },
        ...states.map((state) => ({
          of: state,
          kind: 'count' as const,
          heading: state,
          users: ({ date }: { date: string }) => [`${date}:${state}`, `the ${state} users of ${date}`] as const,
        })),
      ]),
  }),
  panelOf<'stickiness'>({
    id: 'stickiness',
    title: () => 'Stickiness',
    params: (view, days) => ({ ...over(view, days), grain: unless('day', view.grain) }),
    table: ({ data, meta }) =>
      tableOf(data, [
        { of: 'periods_active', kind: 'text', heading: `Active ${meta.grain}s` },
        {
          of: 'users',
          kind: 'count',
          users: ({ periods_active: active }) => [String(active), `the users active in ${plural(active, meta.grain)}`],
        },
      ]),
  }),
]

/**
 * Panels of the stats that none of those above shows, as the server lists them: over the days of the page, every column as
 * the answer has it. A stat that needs more than that has none, nor has `describe`, which is about all days.
 */
export function otherPanels(listed: StatList['data']): Panel[] {
  const shown = ['describe', ...panels.map(({ id }) => id), ...activeStats.map(([value]): string => value)]
  return listed
    .filter(({ name, params }) => !shown.includes(name) && params.split(', ').includes('from'))
    .map(({ name, summary, params, columns }) => ({
      id: name,
      title: () => summary,
      stat: () => name,
      params: (view, days) => ({
        ...over(view, days),
        grain: params.split(', ').includes('grain') ? unless('day', view.grain) : undefined,
      }),
      table: ({ data }) =>
        tableOf(
          data as readonly Readonly<Record<string, unknown>>[],
          columns.split(', ').map((text) => {
            const [of, kind] = text.split(': ') as [string, ColumnKind]
            return { of, kind }
          }),
        ),
    }))
}

/** A trend has a row for each date and key: dates go down, keys across. */
function trendTable({ data, meta }: StatAnswer<'trend'>): Table {
  type TrendRow = (typeof data)[number]
  const byDate = new Map<string, { date: string; complete: boolean; values: Map<string, TrendRow> }>()
  const columnOf = ({ key, others }: TrendRow) => JSON.stringify(others ? 'others' : [key])
  const columns = new Map(data.map((row) => [columnOf(row), row]))
  for (const row of data) {
    const { date, complete } = row
    const known = byDate.get(date) ?? { date, complete, values: new Map() }
    known.values.set(columnOf(row), row)
    byDate.set(date, known)
  }
  return tableOf(
    [...byDate.values()],
    [
      { of: 'date', kind: 'date', isIncomplete: ({ complete }) => !complete },
      ...[...columns].map(([id, { key, others }]) => ({
        heading: others ? '(others)' : (key ?? '(none)'),
        cell: ({ date, values }: { date: string; values: ReadonlyMap<string, TrendRow> }) =>
          // Who has no such property cannot be named by a text.
          numberOf(
            values.get(id)?.value as number | null | undefined,
            key === null ? undefined : `${date}:${key}`,
            `the users with ${key ?? 'none'} in the ${meta.grain} of ${date}`,
          ),
      })),
    ],
  )
}

function funnelTable({ data }: StatAnswer<'funnel'>): Table {
  return tableOf(data, [
    { heading: 'Step', isText: true, cell: ({ step, event_type: type }) => ({ text: `${step}. ${type}` }) },
    { of: 'users', kind: 'count', users: ({ step }) => [String(step), `the users who reached step ${step}`] },
    { of: 'rate_from_first', kind: 'rate', heading: 'From first step' },
    { of: 'rate_from_previous', kind: 'rate', heading: 'From previous step' },
    {
      heading: 'Lost at this step',
      cell: ({ step, users }, index) =>
        index === 0
          ? { text: '–' }
          : numberOf(
              data[index - 1]!.users - users,
              `-${step}`,
              `the users who reached step ${step - 1} and not step ${step}`,
            ),
    },
    { of: 'median_seconds', kind: 'seconds', heading: 'Median time' },
    { of: 'mean_seconds', kind: 'seconds', heading: 'Mean time' },
  ])
}

/**
 * The heat map of a retention: cohorts down, windows across, each rate in digits with its users behind it. The mean
 * is below.
 */
function heatMap({ data, meta }: StatAnswer<'retention'>): Table {
  const { window_type: unit, mean } = meta
  const windows = Math.max(0, ...data.map(({ rates }) => rates.length))
  const table = tableOf(data, [
    { of: 'cohort', kind: 'text', heading: `Cohort (${unit})` },
    {
      of: 'size',
      kind: 'count',
      heading: 'Users',
      users: ({ cohort }) => [`${cohort}:0`, `the users of cohort ${cohort}`],
    },
    ...Array.from({ length: windows }, (_, window) => ({
      heading: `${unit} ${window}`,
      cell: (row: (typeof data)[number]) => heatCell(row, window, unit),
    })),
  ])
  const means = mean?.rates.map((value) => ({ text: rate(value), ...shadeOf(value) })) ?? []
  return {
    ...table,
    foot: mean && [{ text: 'Mean' }, { text: count(mean.size) }, ...means],
    class: 'heat-map',
    caption: 'Retention: the share of each cohort that came back, by window',
  }
}

function heatCell(
  { cohort, users, rates, complete }: StatAnswer<'retention'>['data'][number],
  window: number,
  unit: string,
): Cell {
  const [value = null, number = null] = [rates[window], users[window]]
  if (number === null) return { text: '', class: 'ahead' }
  const isIncomplete = complete[window] === false
  const shade = shadeOf(value)
  return {
    text: rate(value),
    users: number > 0 ? `${cohort}:${window}` : undefined,
    name: `the ${count(number)} of cohort ${cohort} in ${unit} ${window}`,
    isIncomplete,
    ...shade,
    class: isIncomplete ? `${shade.class} incomplete` : shade.class,
  }
}

/** How strong the colour is, in percent: a rate of 100% is all cohorts' window 0, so small rates get more of the shades. */
const shades = [0, 6, 12, 19, 27, 36, 45, 54, 63, 86, 96]

function shadeOf(value: number | null): { class: string; shade: number } {
  const step = value ? Math.max(1, Math.min(10, Math.round(Math.sqrt(value) * 10))) : 0
  return { class: step === 0 ? 'heat blank' : step >= 9 ? 'heat deep' : 'heat', shade: shades[step]! }
}
