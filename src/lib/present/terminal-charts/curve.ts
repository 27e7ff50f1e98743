/**
 * One unbroken run of points as cells: a line of steps, drawn by simple-ascii-chart. It draws nothing else here: it knows
 * no gaps, gives all series the same marks and each its own range of dates, and drops rows that are empty
 * (docs/decisions/dependencies.md). So it gets whole rows and columns of the canvas, and axes are drawn around them.
 */
import { plot } from 'simple-ascii-chart'
import type { Canvas } from './canvas.js'

/** The marks of a line, by where they lead. */
export interface LineMarks {
  readonly across: string
  readonly upright: string
  readonly downFromLeft: string
  readonly upFromLeft: string
  readonly rightFromTop: string
  readonly rightFromBottom: string
}

/** Lines that bend, where colour or being alone tells which one it is. */
export function bentMarks(unicode = true): LineMarks {
  const [across, upright, downFromLeft, upFromLeft, rightFromTop, rightFromBottom] = [
    ...(unicode ? '━┃┓┛┗┏' : '-|++++'),
  ]
  return {
    across: across!,
    upright: upright!,
    downFromLeft: downFromLeft!,
    upFromLeft: upFromLeft!,
    rightFromTop: rightFromTop!,
    rightFromBottom: rightFromBottom!,
  }
}

/** A line of one mark, which tells it from others without colour. */
export function plainMarks(mark: string): LineMarks {
  return {
    across: mark,
    upright: mark,
    downFromLeft: mark,
    upFromLeft: mark,
    rightFromTop: mark,
    rightFromBottom: mark,
  }
}

/** A point of a canvas; `up` counts rows from the bottom. */
export interface CurvePoint {
  readonly column: number
  readonly up: number
}

/**
 * Draws a line through points, each of which is on it: it keeps the height of a point until the next one's column.
 *
 * @param points one or more, whole numbers inside the canvas, columns ascending
 */
export function drawCurve(canvas: Canvas, points: readonly CurvePoint[], marks: LineMarks, style?: string): void {
  const height = canvas.length
  const first = points[0]!.column
  const axis = '|'
  const text = plot(
    points.map(({ column, up }): [number, number] => [column, up]),
    {
      width: points.at(-1)!.column - first + 1,
      height,
      yRange: [0, height - 1],
      hideXAxis: true,
      hideXAxisTicks: true,
      hideYAxisTicks: true,
      formatter: () => '',
      symbols: {
        // The axis at the left stays, or rows without marks would be dropped.
        axis: { n: axis, ns: axis, y: axis },
        chart: {
          we: marks.across,
          ns: marks.upright,
          wns: marks.downFromLeft,
          wsn: marks.upFromLeft,
          nse: marks.rightFromTop,
          sne: marks.rightFromBottom,
        },
      },
    },
  )
  // Before the first row comes a line break, then the tip of the axis.
  const rows = text.split('\n').slice(2, 2 + height)
  for (const [row, line] of rows.entries()) {
    const cells = [...line.slice(line.indexOf(axis) + 1).trimEnd()]
    for (const [at, char] of cells.entries()) if (char !== ' ') canvas[row]![first + at] = { char, style }
  }
}
