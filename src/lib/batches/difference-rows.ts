/** The duplicates of a batch that differ from the stored events, as a Result. */

import type { Column, Result } from '../core/result.js'
import type { Session } from '../db/connect.js'
import { getBatch } from './batches.js'
import { keptDifferences, listDifferences } from './differences.js'

const columns: readonly Column[] = [
  { name: 'record', kind: 'text' },
  { name: 'line', kind: 'text' },
  { name: 'event_id', kind: 'text' },
  { name: 'differs_in', kind: 'text' },
  { name: 'stored_by_batch', kind: 'text' },
]

/**
 * The first duplicates of a batch that have other content than the stored event; `meta.differing` says how many there are.
 *
 * @throws EaError `batch_not_found`
 */
export async function differencesPage(db: Session, batchId: number): Promise<Result> {
  const { id, duplicates, differing } = await getBatch(db, batchId)
  const listed = await listDifferences(db, id, keptDifferences)
  return {
    metric: 'duplicates',
    columns,
    data: listed.map(({ record, line, eventId, fields, owner }) => ({
      record,
      line,
      event_id: eventId,
      differs_in: fields.join(', '),
      stored_by_batch: owner,
    })),
    meta: { batch: id, duplicates, differing, listed: listed.length },
  }
}
