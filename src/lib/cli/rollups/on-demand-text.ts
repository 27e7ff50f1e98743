/** What the commands under `ea rollups` tell: rollups as rows, as lines, as JSON. */

import type { Column, Result } from '../../core/result.js'
import { counted, human, tookText } from '../../present/tables/cell-text.js'
import type { AddedRollup, RemovedRollup } from '../../rollups/on-demand/add-remove.js'
import type { ListedRollup, RollupSizes } from '../../rollups/on-demand/list.js'
import type { OnDemandSubject } from '../../rollups/sql/on-demand.js'
import { rollupFieldText } from './rollup-field-text.js'

/** Which questions a rollup answers. */
function answersOf({ kind }: OnDemandSubject): 'segments' | 'funnels' {
  return kind === 'property' ? 'segments' : 'funnels'
}

/** A rollup that was added, or was there, with the names of the JSON. */
export function addedJson({ rollup, already, rows, seconds }: AddedRollup) {
  return { ...namesOf(rollup), already, rows, seconds: Math.round(seconds * 1000) / 1000 }
}

/** The same as a line. */
export function addedText({ rollup, already, rows, seconds }: AddedRollup): string {
  const field = human(rollupFieldText(rollup), 'text', false)
  return already
    ? `${field}: kept already (${counted(rows, 'row')})`
    : `${field}: kept (${counted(rows, 'row')}, ${tookText(seconds)})`
}

/** The warning about a rollup that is empty, maybe because its name is misspelt. */
export function emptyText({ rollup, already, rows }: AddedRollup): string[] {
  return rows > 0 || already ? [] : [`No event has ${human(rollupFieldText(rollup), 'text', false)} yet.`]
}

/** A rollup that was removed, with the names of the JSON. */
export function removedJson({ rollup, rows }: RemovedRollup) {
  return { ...namesOf(rollup), rows }
}

/** The same as a line. */
export function removedText({ rollup, rows }: RemovedRollup): string {
  return `${human(rollupFieldText(rollup), 'text', false)}: removed (${counted(rows, 'row')})`
}

const columns: readonly Column[] = [
  { name: 'field', kind: 'text' },
  { name: 'answers', kind: 'text' },
  { name: 'values', kind: 'count' },
  { name: 'rows', kind: 'count' },
  { name: 'added_at', kind: 'instant' },
]

/** The rollups that are kept as a Result. */
export function rollupsResult({ rollups, sizes }: { rollups: readonly ListedRollup[]; sizes: RollupSizes }): Result {
  const data = rollups.map(({ rollup, values, rows, addedAt }) => ({
    ...namesOf(rollup),
    values,
    rows,
    added_at: addedAt.toISOString(),
  }))
  const { propertyBytes, eventTypeBytes } = sizes
  return {
    metric: 'rollups',
    columns,
    data,
    meta: { size_bytes: { segments: propertyBytes, funnels: eventTypeBytes } },
  }
}

/** What they take on disk. */
export function sizesText({ propertyBytes, eventTypeBytes }: RollupSizes): string {
  const [segments, funnels] = [propertyBytes, eventTypeBytes].map((bytes) => human(bytes, 'bytes', true))
  return `On disk, indexes included: ${segments} for segments, ${funnels} for funnels.`
}

function namesOf(rollup: OnDemandSubject) {
  return { field: rollupFieldText(rollup), answers: answersOf(rollup) }
}
