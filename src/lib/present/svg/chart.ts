/**
 * A Result as a picture: one SVG for each stat that has a shape, for pages and files alike. It has no script, no style and
 * no address of another place; its colours are CSS variables (`colors.ts`), and each mark says what it shows.
 */
import type { Chart, Result } from '../../core/result.js'
import { drawHistogram, drawRanking } from './bars.js'
import { chartVariables, mutedColor } from './colors.js'
import type { Draw, Drawing } from './drawing.js'
import { drawFunnel } from './funnel-bars.js'
import { drawLines } from './lines.js'
import { drawRetention } from './retention-curves.js'
import { drawStack } from './stacked-bars.js'

const draws: Readonly<Record<Chart['form'], Draw>> = {
  lines: drawLines,
  ranking: drawRanking,
  histogram: drawHistogram,
  funnel: drawFunnel,
  cohorts: drawRetention,
  stack: drawStack,
}

export interface ChartOptions {
  /** Of the view box, in pixels; texts have 12 pixels in it. */
  readonly width: number
  /** What suits the shape and the number of its rows when absent. */
  readonly height?: number
  /** The name of the picture, for who cannot see it. */
  readonly title?: string
}

/**
 * Draws the answer of a stat.
 *
 * @returns a whole `<svg>`, sized by its view box; one that says so when there is nothing to draw
 * @throws RangeError for a Result without `chart`
 * @example
 * const svg = await chartSvg(await ask(db, dauStat, {}), { width: 720 })
 */
export async function chartSvg(result: Result, options: ChartOptions): Promise<string> {
  const { chart } = result
  if (chart === undefined) throw new RangeError(`${result.metric} has no chart`)
  const drawing = result.data.length === 0 ? nothing : draws[chart.form](result, options.width)
  const size = { width: options.width, height: options.height ?? drawing.height }
  // It is large, and most commands draw nothing.
  const { svgOf } = await import('./svg.js')
  const svg = svgOf(drawing, size, options.title ?? (drawing === nothing ? 'No data' : chart.title))
  if (drawing !== nothing) return svg
  const said = `<text x="${size.width / 2}" y="${size.height / 2}" text-anchor="middle" font-size="12" fill="${mutedColor}">No data</text>`
  return svg.replace('\n</svg>', `\n${said}\n</svg>`)
}

const nothing: Drawing = {
  description: 'There is nothing to draw.',
  height: 80,
  option: {},
  tips: [],
}

/**
 * A picture that stands alone, as a file: the colours of the light theme instead of variables, and their background.
 *
 * @param svg as `chartSvg` gives it
 */
export function standaloneSvg(svg: string): string {
  const colors = chartVariables('light')
  const colored = svg.replace(/="var\((--chart-[\w-]+)\)"/g, (_, name: string) => `="${colors[name]}"`)
  const ground = `<rect width="100%" height="100%" fill="${colors['--chart-background']}"/>`
  return `<?xml version="1.0" encoding="UTF-8"?>\n${colored.replace('</desc>\n', `</desc>\n${ground}\n`)}`
}
