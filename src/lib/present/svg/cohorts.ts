/**
 * A retention as curves: one for each cohort, the later the stronger its colour, and their mean. They begin at window 1,
 * because window 0 is always everybody and would leave the others no room.
 */
import type { Result, Row } from '../../core/result.js'
import { addDays, addWindows, type DayGrain } from '../../core/time.js'
import { human } from '../tables/cell-text.js'
import { shown } from './axes.js'
import { isBehindData } from './behind-data.js'
import { gradeColor, seriesColor } from './colors.js'
import { curves, type Line } from './curves.js'
import type { Draw } from './elements.js'

/** The last ones are drawn: what is new is what people ask about. */
const maxCohorts = 60
const maxInLegend = 12

/** The curves of the cohorts and of the mean. */
export const drawCohorts: Draw = ({ data, footer, meta }, size) => {
  const unit = unitOf(meta)
  const filled = data.filter((row) => (row.size ?? 0) !== 0)
  const rows = filled.slice(-maxCohorts)
  const windows = Math.max(1, ...rows.map((row) => (row.rates as readonly unknown[]).length - 1))
  const cohorts = rows.map((row, index): Line => curve(row, gradeColor(index, rows.length), meta))
  const mean = footer === undefined ? [] : [{ ...curve(footer, seriesColor(1), meta), widthPx: 4 }]
  const lines = [...cohorts, ...mean]
  // Of many cohorts the legend has the first and the last: the colours between them speak for themselves.
  const inLegend =
    cohorts.length <= maxInLegend ? lines : lines.filter((_, index) => index === 0 || index >= cohorts.length - 1)
  const left = filled.length - rows.length
  const means = mean[0]?.values.map((value, index) => `${unit} ${index + 1} ${human(value, 'rate', true)}`) ?? []
  return {
    description: [
      `Curves, one for each of ${rows.length} cohorts${rows.length === 0 ? '' : ` from ${shown(rows[0]!.cohort as string)} to ${shown(rows.at(-1)!.cohort as string)}`}, the later the stronger the colour.`,
      ...(means.length === 0 ? [] : [`The mean of all: ${means.slice(0, 8).join(', ')}.`]),
      ...(lines.some(({ complete }) => complete.includes(false)) ? ['Dashed: not complete.'] : []),
      ...(left > 0 ? [`${left} earlier cohorts are not drawn.`] : []),
    ].join(' '),
    ...curves(
      {
        lines,
        inLegend,
        names: Array.from({ length: windows }, (_, index) => `${index + 1}`),
        title: `${unit}s after the first`,
        isShare: true,
      },
      size,
    ),
  }
}

function curve(row: Row, color: string, meta: Result['meta']): Line {
  const unit = unitOf(meta)
  const label = shown(row.cohort as string)
  const rates = (row.rates as readonly (number | null)[]).slice(1)
  const users = (row.users as readonly (number | null)[]).slice(1)
  const isMean = row.cohort === 'mean'
  // A mean is made of complete cells only.
  const complete = isMean ? rates.map(() => true) : (row.complete as readonly boolean[]).slice(1)
  return {
    label,
    color,
    values: rates.map((rate, index) =>
      !isMean && isBehindData(windowBegin(label, index + 1, meta), meta) ? null : rate,
    ),
    complete,
    tip: (row) =>
      `${label}, ${unit} ${row + 1}: ${human(rates[row]!, 'rate', true)}, ${human(users[row] ?? null, 'count', true)} users${complete[row] ? '' : ', not complete'}`,
  }
}

function unitOf({ window_type }: Result['meta']): string {
  return typeof window_type === 'string' ? window_type : 'window'
}

/** The day on which a window of a cohort begins. */
function windowBegin(cohort: string, number: number, { window_type, clock }: Result['meta']): string {
  const day = cohort.slice(0, 10)
  if (window_type === 'hour') return addDays(day, Math.floor((Number(cohort.slice(11, 13)) + number) / 24))
  if (clock === 'rolling' && window_type === 'month') return addDays(day, 30 * number)
  return addWindows(day, window_type as DayGrain, number)
}
