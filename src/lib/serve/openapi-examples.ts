/**
 * Examples for the document: what was really answered on examples/events.csv, first rows only where there are more. A test
 * asks again and compares.
 */

/** The parameters with which the example of a stat was asked. */
export const askedForExample: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>> = {
  dau: { from: '2025-01-01', to: '2025-01-02' },
  wau: { from: '2025-01-07', to: '2025-01-08' },
  mau: { from: '2025-01-30', to: '2025-01-31' },
  'top-events': { from: '2025-01-01', to: '2025-01-31', limit: '2' },
  trend: { from: '2025-01-01', to: '2025-01-01', by: 'event_type', limit: '2' },
  retention: { start_date: '2025-01-06', to: '2025-01-06', windows: '2' },
  funnel: { from: '2025-01-01', to: '2025-01-31', step: ['signup', 'purchase'] },
  lifecycle: { from: '2025-01-01', to: '2025-01-02' },
  stickiness: { from: '2025-01-01', to: '2025-01-03' },
}

/** What counts as now in the examples. */
export const examplesAsOf = '2025-12-31'

export function exampleOf(_stat: string): object {
  return {}
}
