/** What to do about rejects: advice that can work for this file, and the one reason when nearly all records share it. */
import { type RejectCode, rejectCodes } from '../core/event.js'
import { shellQuoted } from '../load/mapping/map-parser.js'

interface Reason {
  readonly code: RejectCode
  readonly count: number
}

/** From this share of all records on, a reason is that of the file and not of its records. */
const nearlyAllPercent = 95

/** The reason for which nearly all records are rejected, if there is one. */
export function reasonOfAll(read: number, reasons: readonly Reason[]): Reason | undefined {
  const first = reasons[0]
  return first && first.count * 100 >= nearlyAllPercent * read ? first : undefined
}

/** The sentence that names it. */
export function reasonOfAllText(read: number, { code, count }: Reason): string {
  return `${count === read ? 'All' : 'Nearly all'} for one reason: ${code}: ${rejectCodes[code]}`
}

const map = (field: string) => `Name the column or key that has it: --map ${field}=NAME.`
const look = 'See how the file is read: `ea inspect FILE`; --delimiter and --quote change it.'

const adviceOf: Partial<Record<RejectCode, readonly string[]>> = {
  missing_event_id: [map('event_id'), 'Or derive it from other columns or keys: --id-from NAME,…'],
  invalid_event_id: ['Derive the event_id from the column or key that has these ids: --id-from NAME.'],
  missing_occurred_at: [map('occurred_at')],
  invalid_occurred_at: [
    'Say how the times are written, as in --time-format "DD/MM/YYYY HH24:MI:SS"; `ea inspect FILE` shows what they look like.',
  ],
  occurred_at_out_of_range: ['Check the column of the times and its unit: --map occurred_at=NAME, --time-format.'],
  missing_user_id: [map('user_id')],
  missing_event_type: [map('event_type')],
  field_count: [look],
  text_after_quote: [look],
  unclosed_quote: [look],
  invalid_utf8: ['Name the encoding: --encoding windows-1252 (or utf-16le, latin1, …).'],
  not_an_object: ['Give one JSON object on each line: `jq -c . FILE | ea import -`.'],
  record_too_long: ['Allow longer records: --max-record-bytes SIZE.'],
}

/** What may help when nearly all records are rejected for one reason; nothing when there is no such reason. */
export function adviceForAll(read: number, reasons: readonly Reason[]): readonly string[] {
  const all = reasonOfAll(read, reasons)
  return (all && adviceOf[all.code]) ?? []
}

/**
 * What may help. To let the rejects pass is only proposed where something is left to import.
 *
 * @param rejectsFile how a file of the rejects could be called
 * @param oneOfSeveral the path, when other files were imported with it: --rejects-file takes the rejects of one
 */
export function rejectAdvice(
  read: number,
  rejected: number,
  reasons: readonly Reason[],
  rejectsFile: string,
  oneOfSeveral?: string,
): readonly string[] {
  if (reasonOfAll(read, reasons))
    return [...adviceForAll(read, reasons), 'Or fix the records and import the file again.']
  const fix = 'Fix the records and import the file again.'
  if (rejected >= read) return [fix]
  const flags = `--max-rejects ${rejected} --rejects-file ${rejectsFile}`
  if (oneOfSeveral === undefined) return [fix, `Import the others, and keep these in a file to fix: ${flags}`]
  const alone = `ea import ${shellQuoted(oneOfSeveral)} ${flags}`
  return [
    fix,
    `Import the others of this file by themselves, with the same flags, and keep these in a file to fix: ${alone}`,
  ]
}
