/** Counts of named things as lying bars, because the names of event types are long. */
import { human } from '../tables/cell-text.js'
import { largest } from '../tables/grid.js'
import { axisNumber, shown } from './axes.js'
import { axisColor, seriesColor } from './colors.js'
import { type Attributes, type Draw, element, fitted, mark, text, widestPx } from './elements.js'

const maxBars = 40
const barHeightPx = 26

/** Names with a count and, where there is one, the share that it is; the largest first. */
export const drawRanking: Draw = ({ data, columns }, { width, height: given }) => {
  const [name, count, share] = (['text', 'count', 'rate'] as const).map((kind) =>
    columns.find((one) => one.kind === kind),
  )
  const rows = data.slice(0, maxBars)
  const names = rows.map((row) => shown(row[name!.name] as string))
  const counted = rows.map((row) => row[count!.name] as number)
  const texts = rows.map((row, index) => {
    const text = human(counted[index]!, 'count', true)
    return share === undefined ? text : `${text} (${human(row[share.name] as number, 'rate', true)})`
  })
  const left = data.length - rows.length
  const height = given ?? 24 + rows.length * barHeightPx
  const what = `${name!.name.replaceAll('_', ' ')}s`
  return {
    description: [
      `Bars, one for each of ${rows.length} ${what}.`,
      `${names
        .slice(0, 5)
        .map((name, index) => `${name}: ${texts[index]}`)
        .join('; ')}${names.length > 5 ? '; and others' : ''}.`,
      ...(left > 0 ? [`${left} more ${what} are not drawn.`] : []),
    ].join(' '),
    height,
    svg: lyingBars(
      names.map((name, index) => ({
        name,
        text: texts[index]!,
        bars: [
          {
            value: counted[index]!,
            paint: { fill: seriesColor(0) },
            tip: `${name}: ${texts[index]}${share === undefined ? '' : ` of the ${count!.unit ?? count!.name}`}`,
          },
        ],
      })),
      { width, height, top: 4 },
    ),
  }
}

interface LyingBar {
  readonly name: string
  /** Beside the bar. */
  readonly text: string
  /** From left to right. */
  readonly bars: readonly { value: number; paint: Attributes; tip: string }[]
}

const minRowPx = 15

/** Bars from the left, the first at the top, between their names and their texts; texts without room are shortened. */
export function lyingBars(rows: readonly LyingBar[], size: { width: number; height: number; top: number }): string[] {
  const { width, height, top } = size
  const names = rows.map(({ name }) => fitted(name, width * 0.28))
  const totals = rows.map(({ bars }) => bars.reduce((sum, { value }) => sum + value, 0))
  const full = rows.map(({ text }) => text)
  const first = rows.map(({ bars }) => bars[0]!.value)
  const shorter = [full, full.map((text) => text.replace(/ \(.*$/, '')), first.map(axisNumber)]
  const texts = shorter.find((texts) => widestPx(texts) <= width * 0.45) ?? shorter.at(-1)!
  const left = widestPx(names) + 8
  const pxPerUnit = (width - widestPx(texts) - 12 - left) / (largest(totals) || 1)
  const x = (value: number) => left + value * pxPerUnit
  const rowPx = Math.max(1, (height - top - 4) / rows.length)
  const every = Math.ceil(minRowPx / rowPx)
  const drawn = rows.flatMap(({ bars }, index) => {
    const middle = top + (index + 0.5) * rowPx
    const labels = [
      text(left - 8, middle, names[index]!, { anchor: 'end' }),
      text(x(totals[index]!) + 6, middle, texts[index]!),
    ]
    let end = 0
    return [
      ...(index % every === 0 ? labels : []),
      ...bars.map(({ value, paint, tip }) => {
        const begin = end
        end += value
        const place = { x: x(begin), y: middle - rowPx * 0.33, width: x(end) - x(begin), height: rowPx * 0.66 }
        return mark('rect', { ...place, ...paint }, tip)
      }),
    ]
  })
  const axis = `M${Math.round(left) - 0.5} ${top}V${height - 4}`
  return [...drawn, element('path', { d: axis, stroke: axisColor })]
}
