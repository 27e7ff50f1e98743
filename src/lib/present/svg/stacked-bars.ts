/** Counts that add up, as a stack for each date; what `chart.below` names lies below zero. */
import type { BarSeriesOption } from 'echarts/charts'
import { flatColumns, human } from '../tables/cell-text.js'
import { completeRows } from '../tables/series.js'
import { axisNumber, countAxis, legendHeightPx, legendOf, nameAxis, plot } from './axes.js'
import { isBehindData } from './behind-data.js'
import { lostColor, seriesColor } from './colors.js'
import type { Draw } from './drawing.js'

/** By the place of a part: the order that tells neighbours in a stack apart best. */
const partColors = [seriesColor(2), seriesColor(0), seriesColor(3), seriesColor(1)]

/** A stack for each period; one that is not complete is paler, with a dashed edge. */
export const drawStack: Draw = (result, width) => {
  const { data, meta, columns, chart } = result
  const { below } = chart!
  const parts = columns.filter(({ kind }) => kind === 'count').map(({ name }) => name)
  const dates = data.map((row) => String(row[columns[0]!.name]))
  const complete = completeRows(flatColumns(result))
  const grain = typeof meta.grain === 'string' ? meta.grain : 'period'
  const labels = new Map<string, string>(parts.map((part) => [part, part]))
  const top = legendHeightPx([...labels.values()], width)
  const countOf = (part: string, index: number) => (data[index]![part] as number | null) ?? null
  const series = parts.map((part, place): BarSeriesOption => {
    const color = part === below ? lostColor : partColors[place % partColors.length]!
    return {
      type: 'bar',
      name: part,
      stack: 'all',
      barMaxWidth: 64,
      clip: false,
      itemStyle: { color },
      emphasis: { disabled: true },
      data: data.map((_, index) => {
        const count = countOf(part, index)
        const value = count === null || isBehindData(dates[index]!, meta) ? null : part === below ? -count : count
        const open = {
          itemStyle: { color, opacity: 0.5, borderColor: color, borderWidth: 1, borderType: 'dashed' as const },
        }
        // -0 would be written as such.
        return { value: value === 0 ? 0 : value, ...(complete[index] ? {} : open) }
      }),
    }
  })
  const last = complete.lastIndexOf(true)
  const lastText =
    last < 0
      ? ''
      : ` The last complete one, ${dates[last]}: ${parts.map((part) => `${part} ${human(countOf(part, last), 'count', true)}`).join(', ')}.`
  const belowText =
    below === undefined ? '' : `; ${below} ${columns.find(({ name }) => name === below)?.unit ?? ''} are below zero`
  return {
    description: `Stacked bars, one for each ${grain} from ${dates[0]} to ${dates.at(-1)}${belowText}.${lastText}${complete.includes(false) ? ' Pale with a dashed edge: not complete.' : ''}`,
    height: 280 + top,
    option: {
      grid: plot({ top: top + 4 }),
      legend: legendOf(labels),
      xAxis: { ...nameAxis(dates), axisLine: { show: false }, axisLabel: { ...nameAxis(dates).axisLabel } },
      yAxis: {
        ...countAxis(),
        axisLabel: { ...countAxis().axisLabel, formatter: (value: number) => axisNumber(Math.abs(value)) },
      },
      series,
    },
    tips: parts.map((part) =>
      data.map((_, index) => {
        const count = countOf(part, index)
        return count === null
          ? undefined
          : `${dates[index]}: ${human(count, 'count', true)} ${part}${complete[index] ? '' : ', not complete'}`
      }),
    ),
  }
}
