/**
 * What a batch is: its schema gives the type of the library, the columns that are read, the rows of a table, the JSON of
 * commands and of HTTP, and its OpenAPI document.
 */
import * as z from 'zod'
import { catalogue } from '../core/errors.js'
import { type RejectCode, rejectCodes } from '../core/event.js'
import { bytes, cell, count, flag, instant, seconds, text } from '../core/row-schema.js'

export const batchStatuses = ['loading', 'completed', 'failed', 'undone'] as const
export type BatchStatus = (typeof batchStatuses)[number]

const positive = z.int().min(1)
/** A number that is a name. */
const number = cell(positive, undefined, 'text')

/** A batch as a list shows it. */
export const batchSchema = z
  .object({
    id: number,
    source: cell(z.enum(['file', 'stdin', 'http']), undefined, 'text'),
    file: text().describe('The path as it was given, `-` for stdin, `http:SENDER` for events over HTTP.'),
    sha256: cell(z.string().regex(/^[0-9a-f]{64}$/), undefined, 'text')
      .nullable()
      .describe('Of the decompressed content; null for events over HTTP.'),
    status: cell(z.enum(batchStatuses), undefined, 'text'),
    stale: flag().describe('An undo took events away that it had as duplicates: import its file again.'),
    read: count('records'),
    inserted: count('events'),
    duplicates: count('records'),
    differing: count('records').describe(
      'How many of the duplicates have other content than the event that is stored.',
    ),
    rejected: count('records'),
    bytes: bytes(),
    seconds: seconds(),
    created_at: instant(),
    finished_at: instant().nullable(),
    failure: cell(z.enum(Object.keys(catalogue)), undefined, 'text')
      .nullable()
      .describe('The code of the error that failed it.'),
  })
  .meta({ id: 'Batch' })

export type ListedBatch = Readonly<z.output<typeof batchSchema>>

/** A batch as it is stored. */
export const storedBatchSchema = z.object({
  ...batchSchema.shape,
  reading: z
    .looseObject({})
    .describe('How its records were read: format, columns, time zone and the like; empty for events over HTTP.'),
  chunk_bytes: z.int().nonnegative(),
})
export type Batch = Readonly<z.output<typeof storedBatchSchema>>

/** Why a record was rejected. */
export const rejectCodeSchema = z.enum(Object.keys(rejectCodes) as RejectCode[]).meta({
  id: 'RejectCode',
  description: Object.entries(rejectCodes)
    .map(([code, meaning]) => `- \`${code}\`: ${meaning}`)
    .join('\n'),
})

const overlapSchema = z.object({ id: positive, duplicates: z.int().nonnegative() })

/** A batch with all that is known of it. */
export const batchDetailSchema = z
  .object({
    ...storedBatchSchema.shape,
    chunks: z.int().nonnegative().describe('Chunks that are merged; 0 when its events were removed.'),
    merged_records: z
      .int()
      .nonnegative()
      .describe('Records of those chunks: how far a batch is that is still loading.'),
    holder: z
      .object({ doing: z.string(), pid: positive, since: z.iso.datetime() })
      .nullable()
      .describe('Who loads it now; null when nobody does.'),
    reasons: z
      .array(z.object({ code: rejectCodeSchema, count: positive }))
      .describe('Why records were rejected, of those that are kept; the most frequent first.'),
    leans_on: z.array(overlapSchema).describe('The batches that own duplicates of it.'),
    leaned_on_by: z.array(overlapSchema).describe('The batches whose duplicates it owns.'),
  })
  .meta({ id: 'BatchDetail' })
export type BatchDetail = Readonly<z.output<typeof batchDetailSchema>>

/** A record that was rejected, as a row. */
export const rejectSchema = z
  .object({
    record: number,
    line: number,
    byte_offset: cell(z.int().nonnegative(), undefined, 'text'),
    code: cell(rejectCodeSchema, undefined, 'text'),
    detail: text().nullable(),
    text: text()
      .nullable()
      .describe('The unchanged record; invalid UTF-8 in it is replaced by U+FFFD. Null for one that is too long.'),
  })
  .meta({ id: 'Reject' })
