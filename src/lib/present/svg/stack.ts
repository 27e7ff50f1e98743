/** Counts that add up, as a stack for each date; what `chart.below` names lies below zero. */
import { type Series, seriesOver } from '../charts/model.js'
import { human } from '../tables/cell-text.js'
import { largest } from '../tables/grid.js'
import { frameOf, highestOf, legendOf, shortDate } from './axes.js'
import { lostColor, seriesColor } from './colors.js'
import { type Draw, mark } from './elements.js'

/** By the place of a part: the order that tells neighbours in a stack apart best. */
const partColors = [seriesColor(2), seriesColor(0), seriesColor(3), seriesColor(1)]

/** A stack for each period; one that is not complete is paler, with a dashed edge. */
export const drawStack: Draw = (result, { width, height: given }) => {
  const { dates, series } = seriesOver(result)
  const { grain = 'period' } = result.meta
  const parts = series.map((part, index) => ({
    ...part,
    color: part.isBelow ? lostColor : partColors[index % partColors.length]!,
  }))
  const legend = legendOf(
    parts.map(({ name, color }) => ({ label: name, color, widthPx: 12 })),
    width,
  )
  const height = given ?? 264 + legend.heightPx
  const { places, note } = highestOf(dates.length, width, (place) =>
    parts.reduce((sum, { points }) => sum + (points[place]!.value ?? 0), 0),
  )
  const bounds = [
    -largest(places.map((place) => pileOf(parts, place, true))),
    largest(places.map((place) => pileOf(parts, place, false))),
  ] as const
  const names = places.map((place) => shortDate(dates[place]!))
  const frame = frameOf({ width, height, top: legend.heightPx + 4, names, bounds, kind: 'count', hasBands: true })
  const complete = series[0]?.points.map(({ isComplete }) => isComplete) ?? []
  const last = complete.lastIndexOf(true)
  const numbers = parts.map(({ name, points }) => `${name} ${human(points[last]?.value ?? null, 'count', true)}`)
  const lastText = last < 0 ? '' : ` The last complete one, ${dates[last]}: ${numbers.join(', ')}.`
  const belowText = parts
    .filter(({ isBelow }) => isBelow)
    .map(({ name, unit = '' }) => `; ${name} ${unit} are below zero`)
    .join('')
  const svg = function* () {
    yield* [legend.svg, frame.svg]
    const { x, y, barPx } = frame
    for (const [at, { name, color, isBelow, points }] of parts.entries()) {
      for (const [index, place] of places.entries()) {
        const { value, isComplete } = points[place]!
        if (value === null) continue
        const before = pileOf(parts.slice(0, at), place, isBelow)
        const after = pileOf(parts.slice(0, at + 1), place, isBelow)
        const [upper, lower] = isBelow ? [-before, -after] : [after, before]
        const box = { x: x(index) - barPx / 2, y: y(upper), width: barPx, height: y(lower) - y(upper), fill: color }
        const open = isComplete ? {} : { opacity: 0.5, stroke: color, 'stroke-dasharray': '4 2' }
        const tip = `${dates[place]}: ${human(value, 'count', true)} ${name}${isComplete ? '' : ', not complete'}`
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

/** How high the parts are at a place, above zero or below it. */
function pileOf(parts: readonly Series[], place: number, isBelow: boolean): number {
  return parts.reduce((sum, part) => {
    const { value, isAfterData } = part.points[place]!
    return sum + (part.isBelow === isBelow && !isAfterData ? (value ?? 0) : 0)
  }, 0)
}
