/**
 * Lines over places from left to right. What is not complete is dashed and has hollow points, because a day that has just
 * begun is no fall.
 */
import type { Point } from '../charts/model.js'
import { largest } from '../tables/grid.js'
import { type Frame, type FrameOptions, frameOf, legendOf } from './axes.js'
import { backgroundColor } from './colors.js'
import { type Drawing, element, mark, type Size } from './elements.js'

/** Up to so many points of a line all are drawn as dots; up to the other numbers they can be pointed at. */
const maxDots = 45
const maxMarksOfLine = 2000
const maxMarks = 5000

/** A line with what is known of each of its points. */
export interface Line {
  readonly label: string
  readonly color: string
  readonly points: readonly Point[]
  /** What a point says. */
  readonly tip: (row: number) => string
  readonly widthPx?: number
  readonly dashes?: string
}

/** What is drawn of each point: nothing after the newest day of the data. */
export function valuesOf(points: readonly Point[]): (number | null)[] {
  return points.map(({ value, isAfterData }) => (isAfterData ? null : value))
}

interface CurvesOptions extends Pick<FrameOptions, 'names' | 'title' | 'kind'> {
  readonly lines: readonly Line[]
  readonly inLegend: readonly Line[]
}

/** Lines with their axes and their legend, which has a place of its own above them. */
export function curves({ lines, inLegend, ...axes }: CurvesOptions, size: Size): Omit<Drawing, 'description'> {
  const { width } = size
  const legend = inLegend.length === 0 ? { svg: '', heightPx: 12 } : legendOf(inLegend, width)
  const height = size.height ?? 264 + legend.heightPx
  const high = largest(lines.map(({ points }) => largest(valuesOf(points).map((value) => value ?? 0))))
  const frame = frameOf({ ...axes, width, height, top: legend.heightPx + 4, bounds: [0, high] })
  const hasMarks = axes.names.length <= maxMarksOfLine && axes.names.length * lines.length <= maxMarks
  const svg = function* () {
    yield* [legend.svg, frame.svg]
    for (const line of lines) yield drawn(line, frame, hasMarks)
  }
  return { height, svg: svg() }
}

/** A row that is nowhere: what is drawn ends there, and begins again. */
const gap = -1

function drawn({ color, points, tip, widthPx = 2, dashes }: Line, { x, y }: Frame, hasMarks: boolean): string {
  const values = valuesOf(points)
  const rows = [...values.keys()]
  const isKnown = (row: number) => typeof values[row] === 'number'
  const isWhole = (row: number) => points[row]?.isComplete !== false
  const whole = rows.map((row) => (isWhole(row) ? row : gap))
  // What is open begins and ends at the complete points beside it.
  const open = rows.flatMap((row) => {
    if (isWhole(row) && isWhole(row - 1) && isWhole(row + 1)) return []
    return isWhole(row) && row + 1 < rows.length && isWhole(row + 1) ? [row, gap] : [row]
  })
  const strokeOf = (rows: readonly number[], dashes: string | undefined) => {
    const d = pathOf(thinned(rows, values), x, (row) => (isKnown(row) ? y(values[row]!) : undefined))
    const ends = { 'stroke-linejoin': 'round', 'stroke-linecap': dashes === undefined ? 'round' : undefined }
    const stroke = { stroke: color, 'stroke-width': widthPx, 'stroke-dasharray': dashes, ...ends }
    return d === '' ? '' : element('path', { d, fill: 'none', ...stroke })
  }
  const strokes = [strokeOf(whole, dashes), strokeOf(open, '5 4')]
  if (!hasMarks) return strokes.join('\n')
  const r = rows.length <= maxDots ? 3 : 4
  const dots = (isOpen: boolean) =>
    rows
      .filter((row) => isKnown(row) && isWhole(row) !== isOpen)
      .map((row) => mark('circle', { cx: x(row), cy: y(values[row]!), r }, tip(row)))
      .join('')
  const [full, hollow] = [dots(false), dots(true)]
  return [
    ...strokes,
    // A dense line has dots that only the pointer finds.
    full && element('g', { fill: color, opacity: rows.length <= maxDots ? undefined : 0 }, full),
    hollow && element('g', { fill: backgroundColor, stroke: color, 'stroke-width': 1.5 }, hollow),
  ].join('\n')
}

/** The path through some rows; it ends at one that is nowhere, and begins again after it. A row alone is a dot. */
function pathOf(rows: readonly number[], x: (row: number) => number, y: (row: number) => number | undefined): string {
  const tenth = (px: number) => Math.round(px * 10) / 10
  let path = ''
  let run = 0
  const end = () => {
    if (run === 1) path += 'Z'
    run = 0
  }
  for (const row of rows) {
    const up = y(row)
    if (up === undefined) end()
    else path += `${run++ === 0 ? 'M' : 'L'}${tenth(x(row))},${tenth(up)}`
  }
  end()
  return path
}

/** Of very many rows the lowest and the highest of each few neighbours, and all gaps. */
function thinned(rows: readonly number[], values: readonly (number | null)[]): readonly number[] {
  const every = 2 * Math.ceil(rows.length / maxMarksOfLine)
  if (every <= 2) return rows
  const kept: number[] = []
  for (let from = 0; from < rows.length; from += every) {
    const few = rows.slice(from, from + every)
    const known = few.filter((row) => typeof values[row] === 'number')
    const low = known.reduce((low, row) => (values[row]! < values[low]! ? row : low), known[0] ?? gap)
    const high = known.reduce((high, row) => (values[row]! > values[high]! ? row : high), known[0] ?? gap)
    kept.push(...few.filter((row) => row === low || row === high || typeof values[row] !== 'number'))
  }
  return kept
}
