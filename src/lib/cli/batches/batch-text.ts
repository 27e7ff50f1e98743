/** What the commands under `ea batches` tell of batches in lines, and of an undo as JSON. */

import type { Batch, BatchDetail } from '../../batches/batch.js'
import type { UndoResult } from '../../batches/undo.js'
import { rejectCodes } from '../../core/event.js'
import { flagsOfBatch } from '../../import/reading/stored-reading.js'
import { shellQuoted } from '../../load/mapping/map-parser.js'
import { formatTimeFormat, type TimeFormat } from '../../load/mapping/time-format.js'
import { counted, grouped, human, visible } from '../../present/tables/cell-text.js'
import { instantText, nameOf } from '../import/import-text.js'

/** All about a batch in lines of `name  value`. */
export function detailText(batch: BatchDetail): string {
  const { leans_on: leansOn, leaned_on_by: leanedOnBy, reasons } = batch
  const overlaps = (others: BatchDetail['leans_on']) =>
    others.map(({ id, duplicates }) => `batch ${id} (${grouped(duplicates)})`).join(', ')
  const pairs: (readonly [string, string])[] = [
    ['batch', String(batch.id)],
    ['file', nameOf(batch.file)],
    ['sha256', batch.sha256 ?? '-'],
    ['status', statusText(batch)],
    ['read', grouped(batch.read)],
    ['inserted', grouped(batch.inserted)],
    ['duplicates', grouped(batch.duplicates)],
    ...(batch.differing > 0
      ? [
          [
            '  differing',
            `${grouped(batch.differing)} with other content: ea batches show ${batch.id} --duplicates`,
          ] as const,
        ]
      : []),
    ...(leansOn.length > 0 ? [['  owned by', overlaps(leansOn)] as const] : []),
    ['rejected', grouped(batch.rejected)],
    ...reasons.map(({ code, count }) => [`  ${code}`, `${grouped(count)}: ${rejectCodes[code]}`] as const),
    ...(leanedOnBy.length > 0 ? [['owns duplicates of', overlaps(leanedOnBy)] as const] : []),
    ['content', `${human(batch.bytes, 'bytes', true)} in ${grouped(batch.chunks)} chunks`],
    ['created', instantText(new Date(batch.created_at))],
    ...(batch.finished_at ? [['finished', instantText(new Date(batch.finished_at))] as const] : []),
    ['took', human(batch.seconds, 'seconds', true)],
    ...readingLines(batch.reading),
    ...(batch.rejected > 0 && reasons.length > 0 ? [['rejects', `ea batches rejects ${batch.id}`] as const] : []),
  ]
  const width = Math.max(...pairs.map(([name]) => name.length)) + 2
  return pairs.map(([name, value]) => `${name.padEnd(width)}${value}`).join('\n')
}

interface StoredRef {
  readonly name: string
  readonly path?: readonly string[]
}

/** How its records were read, as it is stored with the batch; what does not apply is left out. */
function readingLines(reading: Batch['reading']): (readonly [string, string])[] {
  const { fields, properties, id_from: idFrom, time_format: timeFormat, columns, ...plain } = reading
  const names = (refs: unknown) => (refs as readonly StoredRef[]).map(({ name, path }) => path?.join('.') ?? name)
  const sources = Object.entries((fields ?? {}) as Record<string, unknown>)
    .map(([field, refs]) => [field, names(refs).join('|')] as const)
    .filter(([, from]) => from !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1))
  const lines: (readonly [string, unknown])[] = [
    ...Object.entries(plain).sort(([a], [b]) => (a < b ? -1 : 1)),
    ['time_format', timeFormat ? formatTimeFormat(timeFormat as TimeFormat) : undefined],
    ['columns', Array.isArray(columns) ? columns.join(', ') : undefined],
    ['fields', sources.map(([field, from]) => `${field}=${from}`).join(', ')],
    ['properties', Array.isArray(properties) ? names(properties).join(', ') : undefined],
    ['id_from', Array.isArray(idFrom) ? names(idFrom).join(', ') : idFrom],
  ]
  return lines
    .filter(([, value]) => value !== undefined && value !== null && value !== '')
    .map(([name, value]) => [`reading.${name}`, visible(typeof value === 'string' ? value : JSON.stringify(value))])
}

function statusText(batch: BatchDetail): string {
  const { holder, merged_records: mergedRecords } = batch
  switch (batch.status) {
    case 'completed':
      return batch.stale
        ? `completed, stale: events that it found as duplicates were undone; ${againText(batch)}`
        : 'completed'
    case 'failed':
      return `failed: ${batch.failure}; nothing of it is stored`
    case 'undone':
      return 'undone: nothing of it is stored'
    case 'loading':
      return holder
        ? `loading, ${grouped(mergedRecords)} records merged: ${visible(holder.doing)} (pid ${holder.pid})`
        : `interrupted, ${grouped(mergedRecords)} records merged: importing the file again goes on there, importing another removes them`
  }
}

/** What an undo did, or would do, with the names of the JSON. */
export function undoneJson(
  undone: Omit<UndoResult, 'discarded'> & Partial<UndoResult>,
  dryRun: boolean,
): Record<string, unknown> {
  const { batch, removed, stale, discarded = [] } = undone
  return {
    id: batch.id,
    file: batch.file,
    status: batch.status,
    dry_run: dryRun === true,
    removed,
    stale: stale.map(({ id, file, duplicates }) => ({ id, file, duplicates })),
    discarded: discarded.map(({ id, file }) => ({ id, file })),
  }
}

/**
 * What an undo did, or would do, and what is to be done next.
 *
 * @param isWhole whether that is all that was asked for
 */
export function undoneText(
  undone: Omit<UndoResult, 'discarded'> & Partial<UndoResult>,
  dryRun: boolean,
  isWhole = true,
): string {
  const { batch, removed, stale, discarded = [] } = undone
  const does = dryRun ? 'would be removed; nothing is changed' : 'removed'
  return [
    `Batch ${batch.id} (${nameOf(batch.file)}): ${counted(removed, 'event')} ${does}.`,
    ...discarded.map(
      (other) => `Removed what an interrupted import of ${nameOf(other.file)} had left (batch ${other.id}).`,
    ),
    ...stale.map(
      (other) =>
        `Batch ${other.id} (${nameOf(other.file)}) found ${grouped(other.duplicates)} of them as its duplicates and ${dryRun ? 'would be' : 'is now'} stale: ${againText(other)}`,
    ),
    ...(isWhole && !dryRun && batch.source !== 'http' ? [`To import it again: ${againCommand(batch)}`] : []),
  ].join('\n')
}

/** How to store what a stale batch lacks. */
function againText(batch: Pick<Batch, 'file' | 'reading' | 'rejected'>): string {
  const flags = visible(flagsOfBatch(batch))
  if (batch.file === '-') return `pipe the same content into \`ea import -${flags}\` to store what is missing`
  return `store what is missing with: ea import ${visible(shellQuoted(batch.file))}${flags}`
}

/** The command that imports an undone batch again. */
const againCommand = (batch: Batch) =>
  `ea import --again ${batch.id}${batch.source === 'file' ? '' : ' FILE'}${visible(flagsOfBatch(batch))}`
