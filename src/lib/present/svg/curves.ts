/**
 * Lines over places from left to right. What is not complete is dashed and has hollow points, because a day that has just
 * begun is no fall.
 */
import { line as lineOf } from 'd3-shape'
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
  readonly values: readonly (number | null)[]
  readonly complete: readonly boolean[]
  /** What a point says. */
  readonly tip: (row: number) => string
  readonly widthPx?: number
  readonly dashes?: string
}

interface CurvesOptions extends Pick<FrameOptions, 'names' | 'title' | 'isShare'> {
  readonly lines: readonly Line[]
  readonly inLegend: readonly Line[]
}

/** Lines with their axes and their legend, which has a place of its own above them. */
export function curves({ lines, inLegend, ...axes }: CurvesOptions, size: Size): Omit<Drawing, 'description'> {
  const { width } = size
  const legend = inLegend.length === 0 ? { svg: '', heightPx: 12 } : legendOf(inLegend, width)
  const height = size.height ?? 264 + legend.heightPx
  const high = largest(lines.map(({ values }) => largest(values.map((value) => value ?? 0))))
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

function drawn(
  { color, values, complete, tip, widthPx = 2, dashes }: Line,
  { x, y }: Frame,
  hasMarks: boolean,
): string {
  const rows = [...values.keys()]
  const isKnown = (row: number) => typeof values[row] === 'number'
  const whole = rows.map((row) => (complete[row] ? row : gap))
  // What is open begins and ends at the complete points beside it.
  const open = rows.flatMap((row) => {
    if (complete[row] && complete[row - 1] !== false && complete[row + 1] !== false) return []
    return complete[row] && complete[row + 1] ? [row, gap] : [row]
  })
  const path = lineOf<number>(x, (row) => y(values[row]!))
    .defined(isKnown)
    .digits(1)
  const strokeOf = (rows: readonly number[], dashes: string | undefined) => {
    const d = path(thinned(rows, values))
    const ends = { 'stroke-linejoin': 'round', 'stroke-linecap': dashes === undefined ? 'round' : undefined }
    const stroke = { stroke: color, 'stroke-width': widthPx, 'stroke-dasharray': dashes, ...ends }
    return d === null ? '' : element('path', { d, fill: 'none', ...stroke })
  }
  const strokes = [strokeOf(whole, dashes), strokeOf(open, '5 4')]
  if (!hasMarks) return strokes.join('\n')
  const r = rows.length <= maxDots ? 3 : 4
  const dots = (isOpen: boolean) =>
    rows
      .filter((row) => isKnown(row) && complete[row] !== isOpen)
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

/** Of very many rows the lowest and the highest of each few neighbours, and all gaps. */
function thinned(rows: readonly number[], values: Line['values']): readonly number[] {
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
