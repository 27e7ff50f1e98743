/** Which stats have a chart for the terminal, and of what form; apart from what draws them, so that help need not load it. */

const forms = {
  dau: 'lines',
  wau: 'lines',
  mau: 'lines',
  trend: 'lines',
  'top-events': 'bars',
  stickiness: 'bars',
  funnel: 'funnel',
  retention: 'retention',
  lifecycle: 'stack',
} as const

export type ChartForm = (typeof forms)[keyof typeof forms]

/**
 * The form in which a stat is drawn; undefined for one that has no shape.
 *
 * @example
 * chartForm('funnel') // 'funnel'
 */
export function chartForm(metric: string): ChartForm | undefined {
  return Object.hasOwn(forms, metric) ? forms[metric as keyof typeof forms] : undefined
}
