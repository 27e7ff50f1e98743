/** A funnel as bars: for each step who reached it, and after it who was lost since the step before. */
import { funnelSteps } from '../charts/model.js'
import { human } from '../tables/cell-text.js'
import { legendOf, shown } from './axes.js'
import { lostColor, seriesColor } from './colors.js'
import type { Draw } from './elements.js'
import { lyingBars } from './ranking.js'

const barHeightPx = 40

/** The steps of a funnel, with the drop-off between them. */
export const drawFunnel: Draw = (result, { width, height: given }) => {
  const steps = funnelSteps(result)
  const counted = (count: number, share: number | null) =>
    `${human(count, 'count', true)}${share === null ? '' : ` (${human(share, 'rate', true)})`}`
  const names = steps.map(({ step, name }) => `${step}. ${shown(name)}`)
  const texts = steps.map(({ users, rateFromFirst }, index) => counted(users, index === 0 ? null : rateFromFirst))
  const lostTexts = steps.map(
    ({ lost }, index) => lost && `${counted(lost.users, lost.share)} lost between steps ${index} and ${index + 1}`,
  )
  const paint = { fill: seriesColor(0) }
  const lostPaint = { fill: lostColor, opacity: 0.35, stroke: lostColor, 'stroke-dasharray': '4 2' }
  const legend = legendOf(
    [
      { label: 'users who reached the step', color: seriesColor(0), widthPx: 12 },
      { label: 'lost since the step before', color: lostColor, opacity: 0.35, widthPx: 12 },
    ],
    width,
  )
  const height = given ?? legend.heightPx + 8 + steps.length * barHeightPx
  return {
    description: `Bars, one for each step. ${names
      .map(
        (name, index) =>
          `${name}: ${texts[index]} users${lostTexts[index] === undefined ? '' : `, ${lostTexts[index]}`}`,
      )
      .join('; ')}.`,
    height,
    svg: [
      legend.svg,
      ...lyingBars(
        names.map((name, index) => {
          const reached = { value: steps[index]!.users, paint, tip: `${name}: ${texts[index]} users` }
          const tip = lostTexts[index]
          const bars =
            tip === undefined ? [reached] : [reached, { value: steps[index]!.lost!.users, paint: lostPaint, tip }]
          return { name, text: texts[index]!, bars }
        }),
        { width, height, top: legend.heightPx },
      ),
    ],
  }
}
