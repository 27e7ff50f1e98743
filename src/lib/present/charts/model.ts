/**
 * What a chart shows, before anybody knows whether it is drawn in cells or in pixels: series of points that know whether
 * they are complete and whether there is data for them. The painters (`terminal-charts/`, `svg/`) read nothing else of it.
 */
import type { Result } from '../../core/result.js'
import { addDays, addWindows, type DayGrain } from '../../core/time.js'
import { amountOf, type FlatColumn, flatColumns, isQuantity, type Scalar } from '../tables/cell-text.js'
import { heatWindows } from '../tables/heat-map.js'
import { completeRows, pivoted } from '../tables/series.js'

/** A number at a place of the chart. */
export interface Point {
  /** Null where there is nothing to draw. */
  readonly value: number | null
  /** Whether it will not change any more. */
  readonly isComplete: boolean
  /** Whether its window begins after the newest day of the data: a zero there would say that everybody had left. */
  readonly isAfterData: boolean
}

/** A line, or a part of each stack. */
export interface Series {
  readonly name: string
  /** Of a trend by keys the key, of several measures the measure; undefined where there is one line. */
  readonly key: Scalar | undefined
  readonly unit: string | undefined
  /** Whether a stack has it below zero. */
  readonly isBelow: boolean
  readonly points: readonly Point[]
}

/** Counts over time: a series for each column of counts, or for each key. */
export function seriesOver(result: Result): { readonly dates: readonly string[]; readonly series: readonly Series[] } {
  const flat = flatColumns(result)
  const columns = pivoted(flat) ?? flat
  const complete = completeRows(columns)
  const dates = columns[0]!.values.map(String)
  const afterData = dates.map((date) => isAfterData(date, result.meta))
  const counts = columns.filter(({ kind }) => isQuantity(kind))
  const series = counts.map(({ name, unit, values, key }) => ({
    name,
    unit,
    key: key === undefined && counts.length > 1 && result.chart?.form === 'lines' ? name : key,
    isBelow: name === result.chart?.below,
    points: values.map((value, row) => pointOf(amountOf(value), complete[row]!, afterData[row]!)),
  }))
  return { dates, series }
}

/** A cohort: its rates from window 1 on, because window 0 is everybody and would leave the others no room. */
export interface Cohort {
  readonly name: string
  readonly isEmpty: boolean
  readonly points: readonly Point[]
  /** Behind each rate. */
  readonly users: readonly (number | null)[]
}

/** A retention: `unit` is what a window is, and `windows` how many come after the first. */
export function cohortsOf(result: Result): {
  readonly unit: string | undefined
  readonly windows: number
  readonly cohorts: readonly Cohort[]
  readonly mean: Cohort | undefined
} {
  const { data, footer, meta } = result
  const flat = flatColumns(result)
  const windows = (heatWindows(result, flat) ?? []).slice(1)
  const hasEnd = typeof meta.data_until === 'string'
  const users = (at: (column: FlatColumn) => Scalar | undefined) =>
    windows.map((window) => (window.users && (at(window.users) as number | null)) ?? null)
  const cohorts = flat[0]!.values.map((value, row): Cohort => {
    const name = String(value)
    return {
      name,
      isEmpty: (data[row]!.size ?? 0) === 0,
      points: windows.map(({ rate, complete }, index) => {
        const isAhead = hasEnd && isAfterData(begins(name, index + 1, meta), meta)
        return pointOf(rate.values[row]!, complete?.values[row] !== false, isAhead)
      }),
      users: users(({ values }) => values[row]),
    }
  })
  const mean = footer && {
    name: String(flat[0]!.footer ?? ''),
    isEmpty: false,
    // It is made of complete cells only, so it is whole wherever there is one.
    points: windows.map(({ rate }) => pointOf(rate.footer ?? null, true, false)),
    users: users((column) => column.footer),
  }
  return {
    unit: typeof meta.window_type === 'string' ? meta.window_type : undefined,
    windows: windows.length,
    cohorts,
    mean,
  }
}

/** The day on which a window of a cohort begins. */
function begins(cohort: string, number: number, { window_type, clock }: Result['meta']): string {
  const day = cohort.slice(0, 10)
  if (window_type === 'hour') return addDays(day, Math.floor((Number(cohort.slice(11, 13)) + number) / 24))
  if (clock === 'rolling' && window_type === 'month') return addDays(day, 30 * number)
  return addWindows(day, window_type as DayGrain, number)
}

function isAfterData(date: string, { data_until }: Result['meta']): boolean {
  return typeof data_until === 'string' && date.slice(0, 10) > data_until
}

function pointOf(value: Scalar, isComplete: boolean, isAfterData: boolean): Point {
  return { value: typeof value === 'number' && Number.isFinite(value) ? value : null, isComplete, isAfterData }
}

/** A step of a funnel, and who was lost since the one before. */
export interface FunnelStep {
  readonly step: number
  readonly name: string
  readonly users: number
  readonly rateFromFirst: number | null
  readonly medianSeconds: number | null
  /** Undefined of the first step; the share is null where there was nobody. */
  readonly lost: { readonly users: number; readonly share: number | null } | undefined
}

/** The steps of a funnel. */
export function funnelSteps({ data }: Result): FunnelStep[] {
  const users = data.map((row) => row.users as number)
  return data.map((row, index) => {
    // Each key has its own steps.
    const before = row.step === 1 ? undefined : users[index - 1]
    const key = row.others === true ? 'others' : [row.key, row.key_2].filter((one) => one !== undefined).join(', ')
    return {
      step: row.step as number,
      name: row.key === undefined ? (row.event_type as string) : `${key || '-'}: ${row.event_type as string}`,
      users: users[index]!,
      rateFromFirst: row.rate_from_first as number | null,
      medianSeconds: (row.median_seconds ?? null) as number | null,
      lost:
        before === undefined
          ? undefined
          : { users: before - users[index]!, share: before === 0 ? null : (before - users[index]!) / before },
    }
  })
}
