/**
 * The rows of a retention from what the database counted: which cells have begun, which are complete, rates, and the mean
 * of each window.
 */
import * as z from 'zod'
import { mapInTurns } from '../../core/in-turns.js'
import { count, counts, dateOrInstant, flags, rates } from '../../core/row-schema.js'
import { addDays, addWindows } from '../../core/time.js'
import { spanState, type WindowState, windowState } from '../query/completeness.js'
import type { QueryContext } from '../query/query-context.js'
import type { SqlRow, StatRows } from '../query/stat.js'
import type { RetentionParams } from './params.js'
import { rollingHours } from './rolling.js'
import { dayCohorts } from './windows.js'

export const row = z.object({
  cohort: dateOrInstant(),
  size: count('users').nullable(),
  users: counts('users'),
  rates: rates(),
  complete: flags(),
})
type RetentionRow = z.output<typeof row>

export const meta = z.object({
  mean: row
    .extend({ cohort: z.literal('mean') })
    .describe(
      'All cohorts together, each weighed by its size, without those for which the window is not complete (with `on-or-after`: not over).',
    ),
})

interface Cohort {
  readonly label: string
  /** Its number among all windows. */
  readonly index: number
  /** By window number; what is not there is 0. */
  readonly users: Map<number, number>
  /** What is known of each window. */
  readonly states: readonly WindowState[]
}

/** The rows, and the mean as the footer and in `meta`. */
export async function cells(
  rows: readonly SqlRow[],
  params: RetentionParams,
  context: QueryContext,
): Promise<StatRows<RetentionRow, z.output<typeof meta>>> {
  const cohorts = await cohortsOf(rows, params, context)
  if (cohorts.length === 0) return { data: [] }
  const table = await mapInTurns(cohorts, params.windows + 1, (cohort) => rowOf(cohort, params))
  const mean = await meanOf(table, cohorts, params.windows)
  return { data: table, footer: mean, meta: { mean: { ...mean, cohort: 'mean' } } }
}

function rowOf({ label, users: counted, states }: Cohort, { mode }: RetentionParams): RetentionRow {
  const users = states.map((state, number) => (state === 'ahead' ? null : (counted.get(number) ?? 0)))
  const size = users[0]!
  return {
    cohort: label,
    size,
    users,
    rates: users.map((count) => (count === null ? null : ratio(count, size ?? 0))),
    complete: states.map((state, number) => {
      if (mode === 'on' || number === 0) return state === 'complete'
      // Anybody may still return, unless nobody is left who has not.
      return states[0] === 'complete' && users[number] === size
    }),
  }
}

function ratio(users: number, size: number): number | null {
  return size === 0 ? null : users / size
}

/**
 * Of each window: the users and the size of the cohorts for which it is over, summed. With `on` these are the ones that are
 * complete in it; with `on-or-after` only those would be of whom everybody has returned, and their mean says nothing.
 */
async function meanOf(
  table: readonly RetentionRow[],
  cohorts: readonly Cohort[],
  windows: number,
): Promise<RetentionRow> {
  const numbers = Array.from({ length: windows + 1 }, (_, number) => number)
  const sums = await mapInTurns(numbers, cohorts.length, (number) => {
    const whole = table.filter((_, row) => cohorts[row]!.states[number] === 'complete')
    const sum = (count: (row: RetentionRow) => number) => whole.reduce((total, row) => total + count(row), 0)
    return {
      users: whole.length === 0 ? null : sum(({ users }) => users[number]!),
      size: sum(({ size }) => size!),
      isComplete: table.every(({ complete }) => complete[number]),
    }
  })
  return {
    cohort: 'mean',
    size: sums[0]!.users,
    users: sums.map(({ users }) => users),
    rates: sums.map(({ users, size }) => (users === null ? null : ratio(users, size))),
    complete: sums.map(({ isComplete }) => isComplete),
  }
}

async function cohortsOf(rows: readonly SqlRow[], params: RetentionParams, context: QueryContext): Promise<Cohort[]> {
  const counted = new Map<number, Map<number, number>>()
  await mapInTurns(rows as readonly Record<string, number>[], 1, ({ number, window_number, users }) => {
    const ofCohort = counted.get(number!) ?? new Map<number, number>()
    counted.set(number!, ofCohort.set(window_number!, users!))
  })
  const numbers = Array.from({ length: params.windows + 1 }, (_, number) => number)
  const usersOf = (index: number) => counted.get(index) ?? new Map<number, number>()
  if (params.windowType !== 'hour' && params.clock === 'calendar') {
    const { windowType, windows } = params
    const labels = dayCohorts(windowType, context)
    const starts = [
      ...labels,
      ...Array.from({ length: windows + 1 }, (_, more) => addWindows(labels.at(-1)!, windowType, more + 1)),
    ]
    const states = starts.slice(0, -1).map((start, number) => windowState(context, start, starts[number + 1]!))
    return mapInTurns(labels, windows + 1, (label, index) => ({
      label,
      index,
      users: usersOf(index),
      states: numbers.map((number) => states[index + number]!),
    }))
  }
  const windows = windowsOf(rows)
  const dataEnds = (rows[0]?.data_ends ?? null) as number | null
  return mapInTurns(
    windows.filter(({ isCohort }) => isCohort),
    numbers.length,
    ({ label, index, begins, ends }) => {
      const spans = numbers.map((number): [number, number] => {
        if (number === 0) return [begins, ends]
        if (params.clock === 'rolling') {
          const seconds = rollingHours[params.windowType] * 3600
          return [begins + number * seconds, ends + (number + 1) * seconds]
        }
        const window = windows[index + number]!
        return [window.begins, window.ends]
      })
      return {
        label,
        index,
        users: usersOf(index),
        states: spans.map(([begins, ends]) => spanState(context, { begins, ends }, dataEnds)),
      }
    },
  )
}

interface InstantWindow {
  readonly label: string
  readonly index: number
  readonly isCohort: boolean
  /** Seconds since 1970. */
  readonly begins: number
  readonly ends: number
}

function windowsOf(rows: readonly SqlRow[]): InstantWindow[] {
  const windows: InstantWindow[] = []
  for (const row of rows) {
    const index = row.number as number
    const [begins, ends] = [row.begins as number, row.ends as number]
    const local = row.cohort as string
    windows[index] ??= {
      index,
      begins,
      ends,
      isCohort: row.is_cohort as boolean,
      label: local.includes('T') ? local + offsetText(local, begins) : local,
    }
  }
  return windows
}

/** The offset of a zone, from what its clocks show at an instant: `+03:00`. */
function offsetText(local: string, atSeconds: number): string {
  const minutes = Math.round((Date.parse(`${local}Z`) / 1000 - atSeconds) / 60)
  const two = (count: number) => String(count).padStart(2, '0')
  const size = Math.abs(minutes)
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`
}

/** The day after the newest one of the data. */
export function dayBehindData({ dataUntil }: QueryContext): string | null {
  return dataUntil === null ? null : addDays(dataUntil, 1)
}
