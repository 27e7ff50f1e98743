/** A funnel as bars: for each step who reached it, and after it who was lost since the step before. */
import { human } from '../tables/cell-text.js'
import { legendOf, shown } from './axes.js'
import { lostColor, seriesColor } from './colors.js'
import type { Draw } from './elements.js'
import { lyingBars } from './ranking.js'

const barHeightPx = 40

/** The steps of a funnel, with the drop-off between them. */
export const drawFunnel: Draw = ({ data }, { width, height: given }) => {
  const users = data.map((row) => row.users as number)
  const lost = users.map((count, index) => (index === 0 ? 0 : users[index - 1]! - count))
  const names = data.map((row) => `${row.step}. ${shown(row.event_type as string)}`)
  const texts = users.map((count, index) => {
    const share = index === 0 ? null : (data[index]!.rate_from_first as number | null)
    return `${human(count, 'count', true)}${share === null ? '' : ` (${human(share, 'rate', true)})`}`
  })
  const lostTexts = lost.map((count, index) => {
    if (index === 0) return undefined
    const before = users[index - 1]!
    const share = before === 0 ? '' : ` (${human(count / before, 'rate', true)})`
    return `${human(count, 'count', true)}${share} lost between steps ${index} and ${index + 1}`
  })
  const paint = { fill: seriesColor(0) }
  const lostPaint = { fill: lostColor, opacity: 0.35, stroke: lostColor, 'stroke-dasharray': '4 2' }
  const legend = legendOf(
    [
      { label: 'users who reached the step', color: seriesColor(0), widthPx: 12 },
      { label: 'lost since the step before', color: lostColor, opacity: 0.35, widthPx: 12 },
    ],
    width,
  )
  const height = given ?? legend.heightPx + 8 + data.length * barHeightPx
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
          const reached = { value: users[index]!, paint, tip: `${name}: ${texts[index]} users` }
          const tip = lostTexts[index]
          const bars = tip === undefined ? [reached] : [reached, { value: lost[index]!, paint: lostPaint, tip }]
          return { name, text: texts[index]!, bars }
        }),
        { width, height, top: legend.heightPx },
      ),
    ],
  }
}
