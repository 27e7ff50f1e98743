/** Counts of named things as bars: lying for event types, whose names are long, standing for numbers of windows. */
import type { BarSeriesOption } from 'echarts/charts'
import type { Result } from '../../core/result.js'
import { human } from '../tables/cell-text.js'
import { countAxis, fontSizePx, nameAxis, plot, shown } from './axes.js'
import { mutedColor, seriesColor } from './colors.js'
import type { ChartOption, Draw } from './drawing.js'

const maxBars = 40
const barHeightPx = 26
/** More standing bars than this have no numbers on them. */
const maxNumbered = 16

/** The event types, the most frequent first. */
export const drawTopEvents: Draw = ({ data }, width) => {
  const rows = data.slice(0, maxBars)
  const names = rows.map((row) => shown(row.event_type as string))
  const events = rows.map((row) => row.events as number)
  const texts = rows.map(
    (row) => `${human(row.events as number, 'count', true)} (${human(row.share as number, 'rate', true)})`,
  )
  const left = data.length - rows.length
  return {
    title: 'Events by type',
    description: [
      `Bars, one for each of ${rows.length} event types.`,
      `${names
        .slice(0, 5)
        .map((name, index) => `${name}: ${texts[index]}`)
        .join('; ')}${names.length > 5 ? '; and others' : ''}.`,
      ...(left > 0 ? [`${left} more types are not drawn.`] : []),
    ].join(' '),
    height: 24 + rows.length * barHeightPx,
    option: lyingBars(names, width, [
      {
        type: 'bar',
        clip: false,
        data: events,
        barWidth: '64%',
        itemStyle: { color: seriesColor(0) },
        emphasis: { disabled: true },
        label: { ...barLabel, position: 'right', formatter: ({ dataIndex }) => texts[dataIndex]! },
      },
    ]),
    tips: [names.map((name, index) => `${name}: ${texts[index]!} of the events`)],
  }
}

export const barLabel = { show: true, color: mutedColor, fontSize: fontSizePx, textBorderWidth: 0, opacity: 1 } as const

/** The axes of lying bars, the first at the top; numbers stand behind the bars. */
export function lyingBars(names: readonly string[], width: number, series: BarSeriesOption[]): ChartOption {
  return {
    grid: plot({ top: 4, right: Math.min(150, Math.round(width * 0.3)), bottom: 4 }),
    xAxis: { ...countAxis(), min: 0, show: false },
    yAxis: { ...nameAxis(names, { widthPx: Math.round(width * 0.28) }), inverse: true },
    series,
  }
}

/** Users by how many windows they were active in. */
export const drawStickiness: Draw = ({ data, meta }: Result) => {
  const grain = typeof meta.grain === 'string' ? meta.grain : 'window'
  const windows = data.map((row) => row.periods_active as number)
  const users = data.map((row) => row.users as number)
  const total = users.reduce((sum, count) => sum + count, 0)
  const texts = users.map((count) => human(count, 'count', true))
  const peak = users.indexOf(Math.max(0, ...users.slice(0, 100_000)))
  return {
    title: `Users by active ${grain}s`,
    description:
      `Bars, one for each number of active ${grain}s from ${windows[0]} to ${windows.at(-1)}: ${human(total, 'count', true)} users in all, ` +
      `most of them (${texts[peak] ?? 0}) active in ${windows[peak] ?? 0}.`,
    height: 260,
    option: {
      grid: plot({ top: 24, bottom: 28 }),
      xAxis: nameAxis(windows.map(String), { title: `active ${grain}s` }),
      yAxis: { ...countAxis(), min: 0 },
      series: [
        {
          type: 'bar',
          clip: false,
          data: users,
          itemStyle: { color: seriesColor(0) },
          emphasis: { disabled: true },
          ...(users.length <= maxNumbered
            ? {
                label: {
                  ...barLabel,
                  position: 'top' as const,
                  formatter: ({ dataIndex }: { dataIndex: number }) => texts[dataIndex]!,
                },
              }
            : {}),
        },
      ],
    },
    tips: [
      texts.map(
        (text, index) => `${text} users active in ${windows[index]} ${grain}${windows[index] === 1 ? '' : 's'}`,
      ),
    ],
  }
}
