/** A funnel as bars, each from 0 to the users of the first step, and between them who was lost on the way. */
import type { Result } from '../../core/result.js'
import { packed } from '../../core/text-width.js'
import { type FunnelStep, funnelSteps } from '../charts/model.js'
import { shortValue } from '../charts/scale.js'
import { human } from '../tables/cell-text.js'
import { largest, paint } from '../tables/grid.js'
import { barLines } from './bars.js'
import { dimStyle } from './canvas.js'
import { noteLines } from './legend.js'
import type { ChartOptions } from './size.js'

/** The lines of the chart. */
export function funnelChart(result: Result, options: ChartOptions): string[] {
  const { width, color, unicode = true } = options
  const steps = funnelSteps(result)
  const room = Math.floor(width / 3)
  const numbers = steps.map(({ step }) => human(step, 'count', true))
  const stepColumns = largest(numbers.map((number) => number.length))
  const names = steps.map(({ name }, row) => `${numbers[row]!.padStart(stepColumns)} ${human(name, 'text', true)}`)
  const [heading, ...bars] = barLines(
    [
      { heading: 'step', align: 'left', texts: names },
      { heading: 'users', align: 'right', texts: steps.map(({ users }) => shortValue(users, 'count', room)) },
      { heading: 'rate', align: 'right', texts: steps.map((step) => human(step.rateFromFirst, 'rate', true)) },
    ],
    1,
    steps.map(({ users }) => users),
    options,
  )
  const dim = (line: string) => paint(line, color ? dimStyle : undefined)
  const lostLines = ({ lost, medianSeconds }: FunnelStep) => {
    if (lost === undefined) return []
    const share = lost.share === null ? '' : ` (${human(lost.share, 'rate', true)})`
    const parts = [
      `${unicode ? '↓' : 'v'} lost ${shortValue(lost.users, 'count', room)}${share}`,
      ...(medianSeconds === null ? [] : [`median ${human(medianSeconds, 'seconds', true)}`]),
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
  return [heading!, ...bars.flatMap((bar, row) => [...lostLines(steps[row]!), bar]), ...noteLines(notes, options)]
}
