/** Which points of a time axis have their date written below: round ones, as close as there is room for. */

/** What the points of a candidate have in common; a point where that changes has a label. */
type Period = (label: string, index: number) => string | number

/** From the finest to the coarsest; labels are `YYYY-MM-DD`, those of hours have a time after it. */
const periods: readonly Period[] = [
  (label) => label,
  (_, index) => Math.floor(index / 2),
  ...[3, 6, 12].map(
    (hours): Period =>
      (label) =>
        label.slice(0, 11) + Math.floor(Number(label.slice(11, 13)) / hours),
  ),
  (label, index) => (hasTime(label) ? label.slice(0, 10) : Math.floor(index / 4)),
  (label, index) => (hasTime(label) ? label.slice(0, 10) : Math.floor(index / 7)),
  (label, index) => (hasTime(label) ? label.slice(0, 10) : Math.floor(index / 14)),
  ...[1, 3, 6, 12].map(
    (months): Period =>
      (label) =>
        label.slice(0, 5) + Math.floor(monthOf(label) / months),
  ),
  ...[2, 5, 10, 50].map(
    (years): Period =>
      (label) =>
        Math.floor(Number(label.slice(0, 4)) / years),
  ),
]

function hasTime(label: string): boolean {
  return label.length > 10
}

/** From 0 to 11. */
function monthOf(label: string): number {
  return Number(label.slice(5, 7)) - 1
}

/**
 * The points whose labels fit side by side.
 *
 * @param labels of all points, in order
 * @param columns where each point is drawn; ascending
 * @param needColumns what a label takes, with the space after it
 * @returns their indexes; the first point is among them unless a round one is too close
 */
export function labelledPoints(labels: readonly string[], columns: readonly number[], needColumns: number): number[] {
  const isFree = (one: number, other: number) => columns[other]! - columns[one]! >= needColumns
  const isDates = labels.every((label) => /^\d{4}-\d\d-\d\d/.test(label))
  for (const period of isDates ? periods : periods.slice(0, 2)) {
    const keys = labels.map(period)
    const found = labels.map((_, index) => index).filter((index) => index > 0 && keys[index] !== keys[index - 1])
    if (found.length === 0) continue
    const fits = found.every((index, at) => at === 0 || isFree(found[at - 1]!, index))
    if (fits) return isFree(0, found[0]!) ? [0, ...found] : found.length > 1 ? found : [0]
  }
  for (let step = 2; step < labels.length; step++) {
    const even = labels.map((_, index) => index).filter((index) => index % step === 0)
    if (even.every((index, at) => at === 0 || isFree(even[at - 1]!, index))) return even
  }
  return [0]
}
