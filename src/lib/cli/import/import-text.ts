/** What `ea import` tells: a line for each file, the sums, what happens in between; and the same as JSON. */
import { join } from 'node:path'
import { EaError, type ErrorCode } from '../../core/errors.js'
import { rejectCodes } from '../../core/event.js'
import type { FileOutcome, ImportEvent, ImportOutcome } from '../../import/options.js'
import type { RejectsFileSummary } from '../../import/rejects-file.js'
import { type LeftOut, nameForPeople } from '../../import/source/paths.js'
import { counted, grouped, tookText, visible } from '../../present/tables/cell-text.js'

export const nameOf = (file: string) => visible(nameForPeople(file))
/** `2025-08-31 12:00:00 UTC`. */
export const instantText = (instant: Date) => `${instant.toISOString().slice(0, 19).replace('T', ' ')} UTC`

/** What became of a file, in one line, and below it the reasons of its rejects. */
export function outcomeText(outcome: FileOutcome): string {
  const { file, id, status, read, inserted, duplicates, rejected, seconds } = outcome
  const name = nameOf(file)
  const counts = `${grouped(read)} read, ${grouped(inserted)} inserted, ${grouped(duplicates)} duplicates, ${grouped(rejected)} rejected`
  switch (status) {
    case 'already_imported': {
      if (outcome.sameAs !== undefined) {
        return `${name}: the same content as ${nameOf(outcome.sameAs)}, so it would be skipped; nothing is written`
      }
      const when = outcome.importedAt ? ` on ${instantText(outcome.importedAt)}` : ''
      return `${name}: already imported${when} as batch ${id}; --force imports it again`
    }
    case 'failed':
      return [
        `${name}: failed (${outcome.error?.code}), nothing is imported (${id === null ? '' : `batch ${id}, `}${tookText(seconds)})`,
        ...rejectsFileLines(outcome),
      ].join('\n')
    case 'dry_run': {
      const verdict = outcome.error ? 'it would be refused' : 'so it would be'
      return [
        `${name}: ${counts}; ${verdict}, nothing is written (${tookText(seconds)})`,
        ...differing(outcome),
        ...reasons(outcome),
      ].join('\n')
    }
    case 'completed':
      return [
        `${name}: ${counts} (batch ${id}, ${tookText(seconds)})`,
        ...differing(outcome),
        ...reasons(outcome),
        ...rejectsFileLines(outcome),
        ...(rejected > 0 ? [`  See them: ea batches rejects ${id}`] : []),
      ].join('\n')
  }
}

const namedLeftOut = 10

/** What the file of the rejects holds, and which ones it lacks. */
function rejectsFileLines({ rejectsFile }: FileOutcome): string[] {
  if (!rejectsFile) return []
  const { file, records, leftOut, firstLeftOut } = rejectsFile
  const holds = `  ${visible(file)}: ${counted(records, 'reject')}`
  if (leftOut === 0) return [holds]
  const named = firstLeftOut.slice(0, namedLeftOut)
  const more = leftOut > named.length ? [`    … and ${grouped(leftOut - named.length)} more`] : []
  return [
    `${holds}; ${grouped(leftOut)} left out, of which only a part is known:`,
    ...named.map(
      ({ record, line, byteOffset, code }) => `    record ${record}, line ${line}, byte ${byteOffset}: ${code}`,
    ),
    ...more,
  ]
}

/** That an id which is stored already does not mean that its content is. */
function differing({ id, duplicates, differing: n }: FileOutcome): string[] {
  if (n === 0) return []
  const seen = id === null ? '' : `: ea batches show ${id} --duplicates`
  return [`  ${grouped(duplicates)} duplicates, ${grouped(n)} of them with other content${seen}`]
}

/** Why records were rejected; the error of a file that failed says it already. */
function reasons(outcome: FileOutcome): string[] {
  if (outcome.error) return []
  return outcome.reasons.map(({ code, count }) => `  ${grouped(count)} × ${code}: ${rejectCodes[code]}`)
}

/** The sums, for more than one file. */
export function totalsText({ files, totals }: ImportOutcome): string {
  const count = (status: FileOutcome['status']) => files.filter((file) => file.status === status).length
  const states = (
    [
      ['already_imported', 'already imported'],
      ['failed', 'failed'],
    ] as const
  ).flatMap(([status, words]) => (count(status) > 0 ? [`${count(status)} ${words}`] : []))
  const { read, inserted, duplicates, rejected, seconds } = totals
  const of = states.length > 0 ? ` (${states.join(', ')})` : ''
  return `${grouped(files.length)} files${of}: ${grouped(read)} read, ${grouped(inserted)} inserted, ${grouped(duplicates)} duplicates, ${grouped(rejected)} rejected (${tookText(seconds)})`
}

/** What a person wants to know while it runs; undefined for what the progress shows. */
export function talkOf(event: ImportEvent): string | undefined {
  switch (event.type) {
    case 'waiting':
      return `Waiting for another process: ${visible(event.holder.doing)} (pid ${event.holder.pid}).`
    case 'left_out':
      return leftOutText(event)
    case 'discarded':
      return `Removed what an interrupted import of ${nameOf(event.batch.file)} had left (batch ${event.batch.id}).`
    case 'resuming':
      return `Going on with batch ${event.batch.id}: ${grouped(event.read)} records in ${grouped(event.chunks)} chunks are merged already.`
    case 'retrying':
      return `Trying chunk ${event.chunk} again: ${visible(event.reason)}`
    case 'warning':
      return `Warning: ${nameOf(event.file)}: ${visible(event.message)}`
    case 'undone':
    case 'progress':
    case 'finished':
      return undefined
  }
}

const namedFiles = 10

/** What of a folder or an archive is not imported. */
function leftOutText({ folder, files }: LeftOut): string {
  const named = files.slice(0, namedFiles).map(visible).join(', ')
  const more = files.length > namedFiles ? ', …' : ''
  const count = `${counted(files.length, 'file')} left out`
  const example = files.find((file) => !/(^|\/)\./.test(file)) ?? files[0]!
  return `${nameOf(folder)}: ${count}, by their names: ${named}${more}. To import one of them, too, name it: ${visible(join(folder, example))}`
}

/** An outcome with the names of the JSON. */
export function importJson({ files, leftOut, totals }: ImportOutcome): Record<string, unknown> {
  return { batches: files.map(fileJson), left_out: leftOut, totals }
}

function fileJson(outcome: FileOutcome): Record<string, unknown> {
  const { importedAt, firstRejects, rejectsFile, sameAs, ...rest } = outcome
  return {
    ...rest,
    ...(sameAs !== undefined && { same_as: sameAs }),
    ...(importedAt && { imported_at: importedAt.toISOString() }),
    first_rejects: firstRejects,
    ...(rejectsFile && { rejects_file: rejectsFileJson(rejectsFile) }),
  }
}

function rejectsFileJson({ file, records, leftOut, firstLeftOut }: RejectsFileSummary): Record<string, unknown> {
  const places = firstLeftOut.map(({ byteOffset, ...place }) => ({ ...place, byte_offset: byteOffset }))
  return { file, records, left_out: leftOut, first_left_out: places }
}

/** The errors of the files that failed, in their order. */
export function failures(files: readonly FileOutcome[]): EaError[] {
  return files.flatMap(({ error, file, id, read, rejected, reasons, firstRejects }) => {
    if (!error) return []
    const books = error.code === 'rejects_over_budget' ? { read, rejected, reasons, rejects: firstRejects } : {}
    const { message, suggestions } = error
    return [new EaError(error.code, message, { suggestions, details: { file, batch: id, ...books } })]
  })
}

/**
 * What an interruption left and how to go on.
 *
 * @param cause what the signal aborted with
 * @param how what was asked for
 */
export function interruptedText(
  cause: unknown,
  how: { readonly dryRun: boolean; readonly atomic: boolean; readonly stdin: boolean },
): EaError {
  const code: ErrorCode = cause instanceof EaError ? cause.code : 'interrupted'
  const left = how.dryRun
    ? 'A dry run writes nothing.'
    : how.atomic
      ? 'Nothing of the file that was under way is stored.'
      : 'What is merged is kept; nothing of it counts before the file is complete.'
  const next =
    how.stdin && !how.dryRun && !how.atomic
      ? 'Standard input cannot be resumed: pipe it in again, and it begins anew.'
      : how.dryRun || how.atomic
        ? 'Run the same command again.'
        : 'Run the same command again: it goes on there.'
  return new EaError(code, `The import was interrupted. ${left}`, { suggestions: [next] })
}
