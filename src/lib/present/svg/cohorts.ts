/** A retention as curves: one for each cohort, the later the stronger its colour, and their mean. */
import { type Cohort, cohortsOf } from '../charts/model.js'
import { human } from '../tables/cell-text.js'
import { shown } from './axes.js'
import { gradeColor, seriesColor } from './colors.js'
import { curves, type Line } from './curves.js'
import type { Draw } from './elements.js'

/** The last ones are drawn: what is new is what people ask about. */
const maxCohorts = 60
const maxInLegend = 12

/** The curves of the cohorts and of the mean. */
export const drawCohorts: Draw = (result, size) => {
  const { unit = 'window', windows, cohorts, mean } = cohortsOf(result)
  const filled = cohorts.filter(({ isEmpty }) => !isEmpty)
  const shownCohorts = filled.slice(-maxCohorts)
  const curve = ({ name, points, users }: Cohort, color: string): Line => ({
    label: shown(name),
    color,
    points,
    tip: (row) => {
      const { value, isComplete } = points[row]!
      const [rate, count] = [human(value, 'rate', true), human(users[row]!, 'count', true)]
      return `${shown(name)}, ${unit} ${row + 1}: ${rate}, ${count} users${isComplete ? '' : ', not complete'}`
    },
  })
  const curvesOfCohorts = shownCohorts.map((cohort, index) => curve(cohort, gradeColor(index, shownCohorts.length)))
  const lines = [...curvesOfCohorts, ...(mean ? [{ ...curve(mean, seriesColor(1)), widthPx: 4 }] : [])]
  const count = shownCohorts.length
  // Of many cohorts the legend has the first and the last: the colours between them speak for themselves.
  const inLegend = count <= maxInLegend ? lines : lines.filter((_, index) => index === 0 || index >= count - 1)
  const left = filled.length - count
  const means = (mean?.points ?? []).map(({ value }, index) => `${unit} ${index + 1} ${human(value, 'rate', true)}`)
  const range = count === 0 ? '' : ` from ${shown(shownCohorts[0]!.name)} to ${shown(shownCohorts.at(-1)!.name)}`
  return {
    description: [
      `Curves, one for each of ${count} cohorts${range}, the later the stronger the colour.`,
      ...(means.length === 0 ? [] : [`The mean of all: ${means.slice(0, 8).join(', ')}.`]),
      ...(lines.some(({ points }) => points.some(({ isComplete }) => !isComplete)) ? ['Dashed: not complete.'] : []),
      ...(left > 0 ? [`${left} earlier cohorts are not drawn.`] : []),
    ].join(' '),
    ...curves(
      {
        lines,
        inLegend,
        names: Array.from({ length: Math.max(1, windows) }, (_, index) => `${index + 1}`),
        title: `${unit}s after the first`,
        kind: 'rate',
      },
      size,
    ),
  }
}
