/** The active users of each period as a stack of new, returning and resurrecting ones; who went away lies below zero. */
import type { BarSeriesOption } from 'echarts/charts'
import { flatColumns, human } from '../tables/cell-text.js'
import { completeRows } from '../tables/series.js'
import { axisNumber, countAxis, legendHeightPx, legendOf, nameAxis, plot } from './axes.js'
import { isBehindData } from './behind-data.js'
import { lostColor, seriesColor } from './colors.js'
import type { Draw } from './drawing.js'

const states = ['new', 'returning', 'resurrecting', 'dormant'] as const
const colors = { new: seriesColor(2), returning: seriesColor(0), resurrecting: seriesColor(3), dormant: lostColor }

/** A stack for each period; one that is not complete is paler, with a dashed edge. */
export const drawLifecycle: Draw = (result, width) => {
  const { data, meta } = result
  const dates = data.map((row) => String(row.date))
  const complete = completeRows(flatColumns(result))
  const grain = typeof meta.grain === 'string' ? meta.grain : 'period'
  const labels = new Map<string, string>(states.map((state) => [state, state]))
  const top = legendHeightPx([...labels.values()], width)
  const series = states.map((state): BarSeriesOption => {
    const color = colors[state]
    return {
      type: 'bar',
      name: state,
      stack: 'users',
      barMaxWidth: 64,
      clip: false,
      itemStyle: { color },
      emphasis: { disabled: true },
      data: data.map((row, index) => {
        const count = row[state] as number | null
        const value = count === null || isBehindData(dates[index]!, meta) ? null : state === 'dormant' ? -count : count
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
      : ` The last complete one, ${dates[last]}: ${states.map((state) => `${state} ${human((data[last]![state] as number | null) ?? null, 'count', true)}`).join(', ')}.`
  return {
    title: `New, returning, resurrecting and dormant users of each ${grain}`,
    description: `Stacked bars, one for each ${grain} from ${dates[0]} to ${dates.at(-1)}; dormant users are below zero.${lastText}${complete.includes(false) ? ' Pale with a dashed edge: not complete.' : ''}`,
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
    tips: states.map((state) =>
      data.map((row, index) => {
        const count = row[state] as number | null
        return count === null
          ? undefined
          : `${dates[index]}: ${human(count, 'count', true)} ${state}${complete[index] ? '' : ', not complete'}`
      }),
    ),
  }
}
