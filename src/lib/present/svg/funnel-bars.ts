/** A funnel as bars: for each step who reached it, and behind it who was lost since the step before. */
import { human } from '../tables/cell-text.js'
import { legendHeightPx, legendOf, shown } from './axes.js'
import { barLabel, lyingBars } from './bars.js'
import { lostColor, seriesColor } from './colors.js'
import type { Draw } from './drawing.js'

const barHeightPx = 40

/** The steps of a funnel, with the drop-off between them. */
export const drawFunnel: Draw = ({ data }, width) => {
  const users = data.map((row) => row.users as number)
  const lost = users.map((count, index) => (index === 0 ? 0 : users[index - 1]! - count))
  const names = data.map((row) => `${row.step}. ${shown(row.event_type as string)}`)
  const rate = (index: number, name: 'rate_from_first' | 'rate_from_previous') => {
    const value = data[index]![name] as number | null
    return value === null ? undefined : human(value, 'rate', true)
  }
  const texts = users.map((count, index) => {
    const share = index === 0 ? undefined : rate(index, 'rate_from_first')
    return `${human(count, 'count', true)}${share === undefined ? '' : ` (${share})`}`
  })
  const lostTexts = lost.map((count, index) => {
    if (index === 0) return undefined
    const before = users[index - 1]!
    const share = before === 0 ? '' : ` (${human(count / before, 'rate', true)})`
    return `${human(count, 'count', true)}${share} lost between steps ${index} and ${index + 1}`
  })
  const labels = new Map([
    ['reached', 'users who reached the step'],
    ['lost', 'lost since the step before'],
  ])
  const top = legendHeightPx([...labels.values()], width)
  return {
    description: `Bars, one for each step. ${names
      .map(
        (name, index) =>
          `${name}: ${texts[index]} users${lostTexts[index] === undefined ? '' : `, ${lostTexts[index]}`}`,
      )
      .join('; ')}.`,
    height: top + 8 + data.length * barHeightPx,
    option: {
      ...withTop(
        lyingBars(names, width, [
          {
            type: 'bar',
            name: 'reached',
            stack: 'step',
            clip: false,
            data: users,
            barWidth: '66%',
            itemStyle: { color: seriesColor(0) },
            emphasis: { disabled: true },
          },
          {
            type: 'bar',
            name: 'lost',
            stack: 'step',
            clip: false,
            data: lost,
            itemStyle: {
              color: lostColor,
              opacity: 0.35,
              borderColor: lostColor,
              borderWidth: 1,
              borderType: 'dashed',
            },
            emphasis: { disabled: true },
            label: { ...barLabel, position: 'right', formatter: ({ dataIndex }) => texts[dataIndex]! },
          },
        ]),
        top,
      ),
      legend: legendOf(labels),
    },
    tips: [names.map((name, index) => `${name}: ${texts[index]} users`), lostTexts],
  }
}

function withTop<T extends { grid?: unknown }>(option: T, top: number): T {
  return { ...option, grid: { ...(option.grid as object), top } }
}
