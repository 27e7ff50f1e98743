/** Counts that add up, as a stack for each date; what `chart.below` names lies below zero. */
import { stack, stackOffsetDiverging } from 'd3-shape'
import { flatColumns, human } from '../tables/cell-text.js'
import { largest } from '../tables/grid.js'
import { completeRows } from '../tables/series.js'
import { frameOf, highestOf, legendOf, shortDate } from './axes.js'
import { isBehindData } from './behind-data.js'
import { lostColor, seriesColor } from './colors.js'
import { type Draw, mark } from './elements.js'

/** By the place of a part: the order that tells neighbours in a stack apart best. */
const partColors = [seriesColor(2), seriesColor(0), seriesColor(3), seriesColor(1)]

/** A stack for each period; one that is not complete is paler, with a dashed edge. */
export const drawStack: Draw = (result, { width, height: given }) => {
  const { data, meta, columns, chart } = result
  const { below } = chart!
  const parts = columns.filter(({ kind }) => kind === 'count').map(({ name }) => name)
  const dates = data.map((row) => String(row[columns[0]!.name]))
  const complete = completeRows(flatColumns(result))
  const grain = typeof meta.grain === 'string' ? meta.grain : 'period'
  const colorOf = (part: string) => (part === below ? lostColor : partColors[parts.indexOf(part) % partColors.length]!)
  const legend = legendOf(
    parts.map((part) => ({ label: part, color: colorOf(part), widthPx: 12 })),
    width,
  )
  const height = given ?? 264 + legend.heightPx
  const countOf = (part: string, index: number) => (data[index]![part] as number | null) ?? null
  const numberOf = (index: number, part: string) =>
    isBehindData(dates[index]!, meta) ? 0 : (countOf(part, index) ?? 0) * (part === below ? -1 : 1)
  const { places, note } = highestOf(data.length, width, (index) =>
    parts.reduce((sum, part) => sum + (countOf(part, index) ?? 0), 0),
  )
  const stacked = stack<unknown, number, string>().keys(parts).value(numberOf).offset(stackOffsetDiverging)(places)
  const ends = stacked.flat()
  const bounds = [-largest(ends.map(([low]) => -low)), largest(ends.map(([, high]) => high))] as const
  const names = places.map((place) => shortDate(dates[place]!))
  const frame = frameOf({ width, height, top: legend.heightPx + 4, names, bounds, hasBands: true })
  const last = complete.lastIndexOf(true)
  const lastText =
    last < 0
      ? ''
      : ` The last complete one, ${dates[last]}: ${parts.map((part) => `${part} ${human(countOf(part, last), 'count', true)}`).join(', ')}.`
  const belowText =
    below === undefined ? '' : `; ${below} ${columns.find(({ name }) => name === below)?.unit ?? ''} are below zero`
  const svg = function* () {
    yield* [legend.svg, frame.svg]
    for (const series of stacked) {
      const color = colorOf(series.key)
      for (const [index, place] of places.entries()) {
        const count = countOf(series.key, place)
        if (count === null) continue
        const [from, to] = series[index]!
        const { x, y, barPx } = frame
        const box = { x: x(index) - barPx / 2, y: y(to), width: barPx, height: y(from) - y(to), fill: color }
        const open = complete[place] ? {} : { opacity: 0.5, stroke: color, 'stroke-dasharray': '4 2' }
        const tip = `${dates[place]}: ${human(count, 'count', true)} ${series.key}${complete[place] ? '' : ', not complete'}`
        yield mark('rect', { ...box, ...open }, tip)
      }
    }
  }
  return {
    description: `Stacked bars, one for each ${grain} from ${dates[0]} to ${dates.at(-1)}${belowText}.${lastText}${complete.includes(false) ? ' Pale with a dashed edge: not complete.' : ''}${note}`,
    height,
    svg: svg(),
  }
}
