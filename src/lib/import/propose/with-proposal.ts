/** Errors that come of a missing or wrong mapping, with the command that works at the end of what they advise. */
import { EaError, type ErrorCode } from '../../core/errors.js'
import type { Database } from '../../db/connect.js'
import { shellQuoted } from '../../load/mapping/map-parser.js'
import { ImportFailure } from '../file-outcome.js'
import type { ImportOptions } from '../options.js'
import type { ReadingOptions } from '../reading/parse-options.js'
import { reasonOfAll } from '../reject-advice.js'
import type { Source } from '../source/source.js'
import { propose } from './propose.js'

const ofMapping: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['missing_column', 'header_invalid', 'not_recognised'])

/** The error with a proposal, where there is one; anything else as it is. */
export async function withProposal(
  db: Database,
  source: Source,
  path: string,
  options: ImportOptions,
  error: unknown,
): Promise<unknown> {
  const cause = error instanceof ImportFailure ? error.error : error
  if (!(cause instanceof EaError) || !isOfMapping(cause, error)) return error
  const proposal = await propose(db, source, path, readingPart(options))
  if (!proposal || proposal.isAsGiven) return error
  const command = `ea import ${path === '-' ? '-' : shellQuoted(path)}${proposal.flags}`
  const suggestion = `Tried on its first records, this works: \`${command}\``
  const better = new EaError(cause.code, cause.message, {
    suggestions: [...cause.suggestions, suggestion],
    details: cause.details,
    cause: cause.cause ?? cause,
  })
  return error instanceof ImportFailure ? new ImportFailure(better, error.outcome) : better
}

/** What of the options says how the source is read. */
function readingPart(options: ImportOptions): Partial<ReadingOptions> {
  const { stdin: _, onEvent: __, signal: ___, rejectsFile: ____, ...rest } = options
  return rest
}

/** Rejects are the fault of the mapping when nearly all records share one. */
function isOfMapping(cause: EaError, error: unknown): boolean {
  if (!(error instanceof ImportFailure)) return ofMapping.has(cause.code)
  const { read, reasons } = error.outcome
  return cause.code === 'rejects_over_budget' && /^(missing|invalid)_/.test(reasonOfAll(read, reasons)?.code ?? '')
}
