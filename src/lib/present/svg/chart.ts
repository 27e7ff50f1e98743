/**
 * A Result as a picture: one SVG for each stat that has a shape, for pages and files alike. It has no script, no style and
 * no address of another place; its colours are CSS variables (`colors.ts`), and each mark says what it shows.
 */
import { setImmediate } from 'node:timers/promises'
import type { Chart, Result } from '../../core/result.js'
import { drawCohorts } from './cohorts.js'
import { chartVariables } from './colors.js'
import { type Draw, element, fontFamily, fontSizePx, text } from './elements.js'
import { drawFunnel } from './funnel.js'
import { drawHistogram } from './histogram.js'
import { drawLines } from './lines.js'
import { markupText } from './markup-text.js'
import { drawRanking } from './ranking.js'
import { drawStack } from './stack.js'

const draws: Readonly<Record<Chart['form'], Draw>> = {
  lines: drawLines,
  ranking: drawRanking,
  histogram: drawHistogram,
  funnel: drawFunnel,
  cohorts: drawCohorts,
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

/** So long a chart is drawn before everything else has its turn: a server must answer meanwhile. */
const turnMs = 10

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
  const isEmpty = result.data.length === 0
  const { description, height, svg } = (isEmpty ? drawNothing : draws[chart.form])(result, options)
  const parts: string[] = []
  let turnBegan = performance.now()
  for (const part of svg) {
    parts.push(part)
    if (performance.now() - turnBegan < turnMs) continue
    await setImmediate()
    turnBegan = performance.now()
  }
  const title = options.title ?? (isEmpty ? 'No data' : chart.title)
  return `${element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${options.width} ${height}`,
      role: 'img',
      'font-family': fontFamily,
      'font-size': fontSizePx,
    },
    `\n<title>${markupText(title)}</title>\n<desc>${markupText(description)}</desc>\n${parts.join('\n')}\n`,
  )}\n`
}

const drawNothing: Draw = (_, { width, height = 80 }) => ({
  description: 'There is nothing to draw.',
  height,
  svg: [text(width / 2, height / 2, 'No data', { anchor: 'middle' })],
})

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
