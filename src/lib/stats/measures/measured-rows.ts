/** The measured columns of rows as the database gives them. */
import { decimalOf } from '../../core/decimal.js'
import type { SqlRow } from '../query/stat.js'
import { isOfNumbers } from './measure-sql.js'
import { formOfColumn, type MeasureParams, measuredColumnsOf, neededMeasures } from './params.js'

/** Makes of a row with `column_0 …` the cells of the answer; null in a window that has not begun. */
export function columnsReader(
  params: MeasureParams,
): (row: SqlRow, isAhead: boolean) => Record<string, number | string | null> {
  const columns = measuredColumnsOf(params).map((column, index) => ({
    name: column.name,
    from: `column_${index}`,
    form: formOfColumn(column, params),
  }))
  return (row, isAhead) => {
    const cells: Record<string, number | string | null> = {}
    for (const { name, from, form } of columns) {
      const value = row[from] as number | string | null
      cells[name] = isAhead || value === null ? null : form === 'exact' ? decimalOf(String(value)) : Number(value)
    }
    return cells
  }
}

/** What is in the columns: a text for one, a list for several. */
export function columnTexts(params: MeasureParams): string | string[] {
  const texts = measuredColumnsOf(params).map(({ text }) => text)
  return texts.length === 1 ? texts[0]! : texts
}

/** How many values each measure leaves out because they are no numbers. Every row of the answer says it. */
export function oddValueWarnings(rows: readonly SqlRow[], params: MeasureParams): string[] {
  return neededMeasures(params).flatMap((measure, index) => {
    if (!isOfNumbers(measure)) return []
    const row = rows.find((one) => one[`odd_total_${index}`] != null)
    const count = Number(row?.[`odd_total_${index}`] ?? 0)
    if (count === 0) return []
    return [
      `${count} ${count === 1 ? 'event does' : 'events do'} not count in ${measure.text}: the value is not a number.`,
    ]
  })
}
