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

/** Names with a count and, where there is one, the share that it is; the largest first. */
export const drawRanking: Draw = ({ data, columns }, width) => {
  const [name, count, share] = (['text', 'count', 'rate'] as const).map((kind) =>
    columns.find((one) => one.kind === kind),
  )
  const rows = data.slice(0, maxBars)
  const names = rows.map((row) => shown(row[name!.name] as string))
  const counted = rows.map((row) => row[count!.name] as number)
  const texts = rows.map((row, index) => {
    const text = human(counted[index]!, 'count', true)
    return share === undefined ? text : `${text} (${human(row[share.name] as number, 'rate', true)})`
  })
  const left = data.length - rows.length
  const what = `${name!.name.replaceAll('_', ' ')}s`
  return {
    description: [
      `Bars, one for each of ${rows.length} ${what}.`,
      `${names
        .slice(0, 5)
        .map((name, index) => `${name}: ${texts[index]}`)
        .join('; ')}${names.length > 5 ? '; and others' : ''}.`,
      ...(left > 0 ? [`${left} more ${what} are not drawn.`] : []),
    ].join(' '),
    height: 24 + rows.length * barHeightPx,
    option: lyingBars(names, width, [
      {
        type: 'bar',
        clip: false,
        data: counted,
        barWidth: '64%',
        itemStyle: { color: seriesColor(0) },
        emphasis: { disabled: true },
        label: { ...barLabel, position: 'right', formatter: ({ dataIndex }) => texts[dataIndex]! },
      },
    ]),
    tips: [
      names.map(
        (name, index) =>
          `${name}: ${texts[index]}${share === undefined ? '' : ` of the ${count!.unit ?? count!.name}`}`,
      ),
    ],
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

/** Numbers with a count: how many users for each number of windows. */
export const drawHistogram: Draw = ({ data, meta, columns }: Result) => {
  const [number, count] = columns.filter(({ kind }) => kind === 'count')
  const unit = count!.unit ?? count!.name
  // `periods_active` of days is `days active`.
  const name = number!.name.replaceAll('_', ' ').replace('periods', `${meta.grain ?? 'period'}s`)
  const numbers = data.map((row) => row[number!.name] as number)
  const users = data.map((row) => row[count!.name] as number)
  const total = users.reduce((sum, count) => sum + count, 0)
  const texts = users.map((count) => human(count, 'count', true))
  const peak = users.indexOf(Math.max(0, ...users.slice(0, 100_000)))
  return {
    description:
      `Bars, one for each number of ${name} from ${numbers[0]} to ${numbers.at(-1)}: ${human(total, 'count', true)} ${unit} in all, ` +
      `most of them (${texts[peak] ?? 0}) at ${numbers[peak] ?? 0}.`,
    height: 260,
    option: {
      grid: plot({ top: 24, bottom: 28 }),
      xAxis: nameAxis(numbers.map(String), { title: name }),
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
    tips: [texts.map((text, index) => `${text} ${unit}, ${name}: ${numbers[index]}`)],
  }
}
