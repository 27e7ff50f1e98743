/** Numbers with a count as standing bars: how many users for each number of windows. */
import { human } from '../tables/cell-text.js'
import { largest } from '../tables/grid.js'
import { frameOf, highestOf } from './axes.js'
import { seriesColor } from './colors.js'
import { type Draw, mark, text, widestPx } from './elements.js'

export const drawHistogram: Draw = ({ data, meta, columns }, { width, height = 268 }) => {
  const [number, count] = columns.filter(({ kind }) => kind === 'count')
  const unit = count!.unit ?? count!.name
  // `periods_active` of days is `days active`.
  const name = number!.name.replaceAll('_', ' ').replace('periods', `${meta.grain ?? 'period'}s`)
  const numbers = data.map((row) => row[number!.name] as number)
  const users = data.map((row) => row[count!.name] as number)
  const total = users.reduce((sum, count) => sum + count, 0)
  const peak = users.indexOf(largest(users))
  const { places, note } = highestOf(users.length, width, (index) => users[index]!)
  const { svg, x, y, stepPx, barPx } = frameOf({
    width,
    height,
    top: 24,
    names: places.map((place) => String(numbers[place])),
    title: name,
    bounds: [0, largest(users)],
    kind: 'count',
    hasBands: true,
  })
  const texts = places.map((place) => human(users[place]!, 'count', true))
  const isNumbered = widestPx(texts) + 4 <= stepPx
  return {
    description:
      `Bars, one for each number of ${name} from ${numbers[0]} to ${numbers.at(-1)}: ${human(total, 'count', true)} ${unit} in all, ` +
      `most of them (${human(users[peak]!, 'count', true)}) at ${numbers[peak]}.${note}`,
    height,
    svg: [
      svg,
      ...places.map((place, index) => {
        const top = y(users[place]!)
        const box = { x: x(index) - barPx / 2, y: top, width: barPx, height: y(0) - top, fill: seriesColor(0) }
        const number = isNumbered ? text(x(index), top - 10, texts[index]!, { anchor: 'middle' }) : ''
        return mark('rect', box, `${texts[index]} ${unit}, ${name}: ${numbers[place]}`) + number
      }),
    ],
  }
}
