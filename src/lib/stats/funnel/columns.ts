/**
 * Ordered funnels in the column store: DuckDB gives each user's steps as a list of numbers, time and step in one, and a walk
 * along each list finds the best attempt. The same attempts as in search-events.ts, under the same conditions.
 */
import type { DuckDBDataChunk, DuckDBListVector } from '@duckdb/node-api'
import { NotInColumns } from '../../columns/column-events.js'
import { daysBetween } from '../../core/time.js'
import type { ColumnStatement } from '../columns/column-answer.js'
import { type ColumnDialect, conjunction, microseconds } from '../columns/dialect.js'
import { type FunnelQuestion, mayBeOpen } from './events-sql.js'
import { canSearchArrays } from './search-events.js'

const dayUs = 86_400_000_000

/** For each step `step, users, median_us, total_us, pending`; undefined where the arrays cannot be searched. */
export function stepsInColumns(question: FunnelQuestion, dialect: ColumnDialect): ColumnStatement | undefined {
  if (!canSearchArrays(question)) return undefined
  const { plan, context, windowMs } = question
  const { from, to } = context.range!
  const stepCount = plan.selectors.length
  const [first, last] = [from, to].map((day) => daysBetween('1970-01-01', day) * dayUs) as [number, number]
  const windowUs = windowMs * 1000
  const marginUs = 3 * dayUs
  // Times are counted from the first that may be in a list, so that they and the step fit into a double.
  const base = first - marginUs
  if ((last + marginUs + windowUs - base) * stepCount > Number.MAX_SAFE_INTEGER) {
    throw new NotInColumns('the range is too long')
  }
  const steps = plan.selectors.map((selector) => dialect.selector(selector))
  const starts = conjunction([steps[0]!, ...dialect.onDays({ from, to })])
  const isStep = [starts, ...steps.slice(1)].map((condition) => `(${condition})`).join(' OR ')
  const step = steps.slice(0, -1).map((condition, index) => `WHEN ${condition} THEN ${index}`)
  const isInReach = [`t >= ${base}`, `t <= ${last + marginUs + windowUs}`, ...dialect.visible(), ...dialect.segments()]
  return {
    sql: `SELECT list((t - ${base})::DOUBLE * ${stepCount} + CASE ${step.join(' ')} ELSE ${stepCount - 1} END) AS steps
FROM events WHERE ${conjunction([...isInReach, isStep])} GROUP BY user_id`,
    columns: { step: 'integer', users: 'count', median_us: 'double', total_us: 'numeric', pending: 'count' },
    fold: async (chunks) => {
      const openFrom = mayBeOpen(question)
        ? Number(BigInt(microseconds(context.asOf)) - BigInt(base)) - windowUs
        : Infinity
      const walk = new FunnelWalk(stepCount, windowUs, openFrom)
      for await (const chunk of chunks) walk.take(chunk)
      return walk.rows()
    },
  }
}

class FunnelWalk {
  readonly #stepCount: number
  readonly #windowUs: number
  readonly #openFrom: number
  readonly #users: number[]
  readonly #seconds: GrowingArray[]
  #pending = 0

  /** @param openFrom an attempt that begins then or later can go on */
  constructor(stepCount: number, windowUs: number, openFrom: number) {
    this.#stepCount = stepCount
    this.#windowUs = windowUs
    this.#openFrom = openFrom
    this.#users = Array.from({ length: stepCount }, () => 0)
    this.#seconds = Array.from({ length: stepCount }, () => new GrowingArray())
  }

  take(chunk: DuckDBDataChunk): void {
    const lists = chunk.getColumnVector(0) as DuckDBListVector
    const items = (lists.childVector as unknown as { readonly items: Float64Array }).items
    for (let user = 0; user < chunk.rowCount; user++) {
      const from = lists.getEntryOffset(user)
      const list = items.subarray(from, from + lists.getEntryLength(user))
      sortSteps(list)
      this.#attempt(list)
    }
  }

  /** Finds the best attempt of a user whose steps are in order. */
  #attempt(list: Float64Array): void {
    const stepCount = this.#stepCount
    // Of each step: the latest start of a chain that ends with it, and the first end within the window.
    const latest = new Float64Array(stepCount).fill(-1)
    const ends = new Float64Array(stepCount).fill(-1)
    let depth = 0
    for (const packed of list) {
      const step = packed % stepCount
      const at = (packed - step) / stepCount
      if (step === 0) {
        latest[0] = at
        if (depth === 0) depth = 1
        continue
      }
      const start = latest[step - 1]!
      if (start < 0) continue
      latest[step] = start
      if (ends[step]! < 0 && at - start <= this.#windowUs) {
        ends[step] = at
        if (step + 1 > depth) depth = step + 1
      }
    }
    if (depth === 0) return
    for (let step = 0; step < depth; step++) this.#users[step]!++
    if (depth < stepCount && latest[0]! >= this.#openFrom) this.#pending++
    if (depth === 1) return
    let step = 0
    let before = ends[depth - 1]! - this.#windowUs
    for (const packed of list) {
      if (step === depth) break
      if (packed % stepCount !== step) continue
      const at = (packed - step) / stepCount
      if (at < before) continue
      if (step > 0) this.#seconds[step]!.push(at - before)
      before = at
      step++
    }
  }

  rows(): unknown[][] {
    return this.#users.map((users, step) => {
      const values = this.#seconds[step]!.sorted()
      return [step + 1, users, middleOf(values), String(totalOf(values)), this.#pending]
    })
  }
}

/** Short lists nearly in order, mostly: sorted files give the steps of a user in theirs. */
function sortSteps(list: Float64Array): void {
  for (let at = 1; at < list.length; at++) {
    if (list[at]! < list[at - 1]!) {
      list.sort()
      return
    }
  }
}

/** As `percentile_cont(0.5)`. */
function middleOf(sorted: Float64Array): number | null {
  if (sorted.length === 0) return null
  const place = (sorted.length - 1) / 2
  const [low, high] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!]
  return low + (place - Math.floor(place)) * (high - low)
}

function totalOf(values: Float64Array): bigint {
  let total = 0n
  let part = 0
  for (const value of values) {
    part += value
    if (part < Number.MAX_SAFE_INTEGER / 4) continue
    total += BigInt(part)
    part = 0
  }
  return total + BigInt(part)
}

class GrowingArray {
  #values = new Float64Array(1024)
  #length = 0

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Float64Array(2 * this.#length)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.#length++] = value
  }

  sorted(): Float64Array {
    return this.#values.subarray(0, this.#length).sort()
  }
}
