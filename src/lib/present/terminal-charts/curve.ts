/** One unbroken run of points as cells: a line of steps. */
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
  return marksOf(unicode ? '━┃┓┛┗┏' : '-|++++')
}

/** A line of one mark, which tells it from others without colour. */
export function plainMarks(mark: string): LineMarks {
  return marksOf(mark.repeat(6))
}

function marksOf(marks: string): LineMarks {
  const [across = '', upright = '', downFromLeft = '', upFromLeft = '', rightFromTop = '', rightFromBottom = ''] = marks
  return { across, upright, downFromLeft, upFromLeft, rightFromTop, rightFromBottom }
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
  const put = (column: number, up: number, char: string) => {
    canvas[canvas.length - 1 - up]![column] = { char, style }
  }
  for (const [index, { column, up }] of points.entries()) {
    const next = points[index + 1] ?? { column: column + 1, up }
    for (let at = column; at < next.column; at++) put(at, up, marks.across)
    if (next.up === up) continue
    const turn = next.column - 1
    const [low, high] = up < next.up ? [up, next.up] : [next.up, up]
    for (let at = low + 1; at < high; at++) put(turn, at, marks.upright)
    put(turn, up, up < next.up ? marks.upFromLeft : marks.downFromLeft)
    put(turn, next.up, up < next.up ? marks.rightFromBottom : marks.rightFromTop)
  }
}
