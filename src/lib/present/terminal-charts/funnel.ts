/** A funnel as bars, each from 0 to the users of the first step, and between them who was lost on the way. */
import type { Result } from '../../core/result.js'
import { packed } from '../../core/text-width.js'
import { flatColumns, human } from '../tables/cell-text.js'
import { largest, paint } from '../tables/grid.js'
import { barLines } from './bars.js'
import { dimStyle } from './canvas.js'
import { noteLines } from './legend.js'
import { shortValue } from './scale.js'
import type { ChartOptions } from './size.js'

/** The lines of the chart. */
export function funnelChart(result: Result, options: ChartOptions): string[] {
  const { width, color, unicode = true } = options
  const flat = flatColumns(result)
  const column = (name: string) => flat.find((found) => found.name === name)!.values
  const users = column('users').map(Number)
  const steps = column('step').map((step) => human(step, 'count', true))
  const stepColumns = largest(steps.map((step) => step.length))
  const names = column('event_type').map(
    (name, row) => `${steps[row]!.padStart(stepColumns)} ${human(name, 'text', true)}`,
  )
  const rates = column('rate_from_first').map((rate) => human(rate, 'rate', true))
  const [heading, ...bars] = barLines(
    [
      { heading: 'step', align: 'left', texts: names },
      {
        heading: 'users',
        align: 'right',
        texts: users.map((count) => shortValue(count, 'count', Math.floor(width / 3))),
      },
      { heading: 'rate', align: 'right', texts: rates },
    ],
    1,
    users,
    options,
  )
  const dim = (line: string) => paint(line, color ? dimStyle : undefined)
  const medians = column('median_seconds')
  const lost = (row: number) => {
    const [before, now] = [users[row - 1]!, users[row]!]
    const share = before === 0 ? '' : ` (${human((before - now) / before, 'rate', true)})`
    const median = medians[row] ?? null
    const parts = [
      `${unicode ? '↓' : 'v'} lost ${shortValue(before - now, 'count', Math.floor(width / 3))}${share}`,
      ...(median === null ? [] : [`median ${human(median, 'seconds', true)}`]),
    ]
    const indent = ' '.repeat(stepColumns + 1)
    return packed(parts, ', ', width - indent.length).map((line) => dim(indent + line))
  }
  const { pending_users: pending } = result.meta
  const open =
    typeof pending === 'number' && pending > 0
      ? [`${human(pending, 'count', true)} have not taken all steps, and their window is open`]
      : []
  const notes = ['rate: of the first step; lost: of the step before', ...open]
  return [
    heading!,
    ...bars.flatMap((bar, row) => (row === 0 ? [bar] : [...lost(row), bar])),
    ...noteLines(notes, options),
  ]
}
