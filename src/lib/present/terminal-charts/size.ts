/** How much room a chart has. */
import type { RenderOptions } from '../tables/formats.js'

/** What a chart may know about the place that it is printed to. */
export interface ChartOptions extends RenderOptions {
  /** Rows of the terminal; 0 (not a terminal, or one that does not know) counts as 24. */
  readonly height: number
}

/** Columns below which a chart is a sentence instead. */
export const chartMinColumns = 40

// The command line, three lines about the question, the axis with its labels, a note, the next prompt.
const rowsAround = 8
const minRows = 7
const maxRows = 25

/**
 * Rows of the part with the marks, so that a chart and what stands around it fit the screen.
 *
 * @param legendRows what the chart itself needs beside its axis
 */
export function plotRows({ height }: ChartOptions, legendRows: number): number {
  return Math.min(maxRows, Math.max(minRows, (height > 0 ? height : 24) - rowsAround - legendRows))
}
