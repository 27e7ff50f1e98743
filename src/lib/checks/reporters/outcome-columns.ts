/** Outcomes as a Result, a row for each check, so that the renderers of tables can show them. */
import type { Result, Row } from '../../core/result.js'
import type { CheckReport } from '../evaluate/outcome.js'
import { baseValueText, valueText, windowText } from './outcome-text.js'

/**
 * Columns check, status, value, threshold, base (only when some check has one) and window; the numbers are texts already,
 * because each row has its own unit.
 *
 * @param withReason whether a column with the reasons follows
 */
export function outcomeResult({ outcomes }: CheckReport, withReason: boolean): Result {
  const hasBase = outcomes.some(({ base }) => base !== null)
  const data = outcomes.map((outcome): Row => {
    const { name, status, threshold, reason } = outcome
    const columns: Row = { check: name, status, value: valueText(outcome), threshold }
    const base: Row = hasBase ? { base: baseValueText(outcome) } : {}
    return { ...columns, ...base, window: windowText(outcome), ...(withReason ? { reason } : {}) }
  })
  return {
    metric: 'check',
    columns: [
      { name: 'check', kind: 'text' },
      { name: 'status', kind: 'text' },
      { name: 'value', kind: 'count' },
      { name: 'threshold', kind: 'text' },
      ...(hasBase ? [{ name: 'base', kind: 'count' } as const] : []),
      { name: 'window', kind: 'text' },
      ...(withReason ? [{ name: 'reason', kind: 'text' } as const] : []),
    ],
    data,
    meta: {},
  }
}
