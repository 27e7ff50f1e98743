/** The days of the periods with which a change is compared; pure arithmetic of the calendar. */
import { addDays, addWindows, type Day, daysBetween, type Grain } from '../../core/time.js'
import type { Base } from '../assertion/assertion.js'

/** Days, both included. */
export interface DayWindow {
  readonly from: Day
  readonly to: Day
}

/**
 * The periods that a change looks back to: one, or one for each week of `same_weekday`, the latest first.
 *
 * `previous_period` lies right before the window and is as long, in windows of the grain. `previous_year` has the same
 * dates a year before (29 February becomes the 28th); weeks are moved by 52 weeks, so that there are as many of them.
 *
 * @param window the days of the question as they were resolved (`meta.from`, `meta.to`): whole windows of the grain
 * @param grain of the question: `stat.range(params).grain`
 * @returns days that may lie before 1970, where no event is
 * @example
 * baseWindow({ kind: 'previous_period' }, { from: '2025-08-04', to: '2025-08-10' }, 'day') // [{ from: '2025-07-28', to: '2025-08-03' }]
 */
export function baseWindow(base: Base, window: DayWindow, grain: Grain): DayWindow[] {
  switch (base.kind) {
    case 'previous_period':
      return [previousPeriod(window, grain)]
    case 'previous_year':
      return [previousYear(window, grain)]
    case 'same_weekday':
      return Array.from({ length: base.weeks }, (_, week) => moved(window, -7 * (week + 1)))
  }
}

function moved({ from, to }: DayWindow, days: number): DayWindow {
  return { from: addDays(from, days), to: addDays(to, days) }
}

function previousPeriod({ from, to }: DayWindow, grain: Grain): DayWindow {
  const end = addDays(to, 1)
  const start =
    grain === 'month' ? addWindows(from, 'month', -monthsBetween(from, end)) : addDays(from, -daysBetween(from, end))
  return { from: start, to: addDays(from, -1) }
}

function previousYear({ from, to }: DayWindow, grain: Grain): DayWindow {
  switch (grain) {
    case 'hour':
    case 'day':
      return { from: yearBefore(from), to: yearBefore(to) }
    case 'week':
      return moved({ from, to }, -7 * 52)
    case 'month':
      return { from: addWindows(from, 'month', -12), to: addDays(addWindows(addDays(to, 1), 'month', -12), -1) }
  }
}

/** Between two firsts of a month. */
function monthsBetween(from: Day, to: Day): number {
  const months = (day: Day) => 12 * Number(day.slice(0, 4)) + Number(day.slice(5, 7))
  return months(to) - months(from)
}

/** The same date a year before, the 28th for 29 February. */
function yearBefore(day: Day): Day {
  const year = String(Number(day.slice(0, 4)) - 1)
  return day.endsWith('-02-29') ? `${year}-02-28` : `${year}${day.slice(4)}`
}
