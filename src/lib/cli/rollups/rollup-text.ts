/** What `ea db verify` and `ea db rebuild` tell a person. */
import type { RebuildResult } from '../../rollups/rebuild.js'
import type { RollupDifference } from '../../rollups/verify.js'

const shownMax = 20

/** How many rows differ, and the first of them. */
export function verifiedText(differences: readonly RollupDifference[]): string {
  const shown = differences.slice(0, shownMax).map(({ table, key, stored, expected }) => {
    const state = stored === null ? 'is missing' : `is ${JSON.stringify(stored)}`
    const truth = expected === null ? 'must not be there' : `must be ${JSON.stringify(expected)}`
    return `  ${table} ${JSON.stringify(key)} ${state}, ${truth}`
  })
  const more = differences.length > shownMax ? [`  … and ${differences.length - shownMax} more`] : []
  const count =
    differences.length === 1 ? '1 row of the rollups differs' : `${differences.length} rows of the rollups differ`
  return [`${count} from the events:`, ...shown, ...more].join('\n')
}

/** How many rows were written, and the zone of the days. */
export function rebuiltText({ changed, reportingTz }: RebuildResult): string {
  const parts = Object.entries(changed).map(([table, rows]) => `${table} ${rows}`)
  return `Days are in ${reportingTz}. Rows changed: ${parts.join(', ')}.`
}
