/**
 * The words of events over HTTP: what a request brings, what it is answered, and the pieces that work is done in.
 * No behaviour lives here.
 */
import * as z from 'zod'
import { rejectCodeSchema } from '../../batches/batch.js'
import type { EaError } from '../../core/errors.js'
import { count } from '../../core/row-schema.js'
import type { Chunk } from '../../load/split/chunk.js'

/** How the records of a request are to be read: events by their own names, or what a browser sends to /collect. */
export type RecordKind = 'events' | 'collect'

/** A request whose body has been split; its bytes are whole and in memory. */
export interface IngestRequest {
  /** A uuid; names the request in the spool. */
  readonly id: string
  readonly kind: RecordKind
  /** Who sends: a text of `batches/sender.ts`. */
  readonly sender: string
  readonly receivedAt: Date
  /** All records of the body, good ones and rejects. */
  readonly chunk: Chunk
  /** Bytes of the body, decompressed. */
  readonly bytes: number
  /** Store all or nothing. */
  readonly atomic: boolean
  /** The header `Idempotency-Key` and the SHA-256 of the body. */
  readonly idempotency?: { readonly key: string; readonly bodySha256: Buffer } | undefined
}

/** So many rejects of a request are named in its answer and kept in its batch, the first ones; all are counted. */
export const listedRejects = 1_000

const rejectedRecord = z
  .object({
    index: count().describe('Its place in the request, from 0.'),
    code: rejectCodeSchema,
    message: z.string(),
  })
  .meta({ id: 'RejectedRecord' })

/** A record that is not stored. */
export type RejectedRecord = z.output<typeof rejectedRecord>

const rejected = z.array(rejectedRecord).max(listedRejects)
const rejectedTotal = z
  .int()
  .min(listedRejects + 1)
  .optional()
  .describe('How many records were rejected, where `rejected` names the first of them only; else absent.')

/** What a request is told once its events are committed. */
export const storedAnswer = z
  .object({
    received: count().describe('Records in the request: inserted + duplicates + pending + rejected.'),
    inserted: count(),
    duplicates: count().describe('Events whose id was stored before, or came earlier in the same request.'),
    differing: z
      .int()
      .min(1)
      .optional()
      .describe(
        'How many of the duplicates have other content than the event that is stored. Absent when there are none.',
      ),
    pending: z
      .int()
      .min(1)
      .optional()
      .describe(
        'Events whose id belongs to an import that still loads. They are kept safe, and stored or counted as duplicates when it ends. Absent when there are none.',
      ),
    rejected,
    rejected_total: rejectedTotal,
    warnings: z.array(z.string()).optional().describe('What may not be as it was meant. Absent when there is nothing.'),
  })
  .meta({ id: 'StoredAnswer' })
export type StoredAnswer = z.output<typeof storedAnswer>

/** What a request is told whose events are safe in the spool. */
export const queuedAnswer = z
  .object({
    status: z.literal('queued'),
    received: count(),
    rejected: rejected.describe(
      'Records that are no records at all; what else is wrong is known only when the database has seen them.',
    ),
    rejected_total: rejectedTotal,
  })
  .meta({ id: 'QueuedAnswer' })
export type QueuedAnswer = z.output<typeof queuedAnswer>

/** 200 all stored, 207 partly, 422 none, 202 queued. `body` is JSON text. */
export interface RequestAnswer {
  readonly status: 200 | 202 | 207 | 422
  readonly body: string
  /** Whether it is the answer of an earlier request with the same Idempotency-Key. */
  readonly replayed: boolean
}

/** A request as it is in the spool: its good records only, each one line of JSON with a line feed after it. */
export interface SpooledRequest extends Omit<IngestRequest, 'chunk'> {
  readonly lines: Buffer
  /** How many lines there are. */
  readonly good: number
  /** Records that the splitter had refused: they were told so, and are only counted. */
  readonly structuralRejects: number
}

/** A run of spooled requests that is stored in one transaction: of one kind, or a single atomic one. */
export interface SpoolPart {
  /** Of the segment; never used again. */
  readonly segment: string
  /** Counts from 0 within the segment; the cut depends on the segment's content only. */
  readonly part: number
  /** Of a part that is stored request by request, because it took too long as a whole: which one this is, from 0. */
  readonly request?: number
  readonly requests: readonly SpooledRequest[]
}

/** A request as it is committed. */
export interface CommitRequest extends IngestRequest {
  /** Records that were refused before the request was spooled: they are only counted. */
  readonly structuralRejects?: number
}

/** What became of a request. */
export type RequestResult =
  | { readonly kind: 'stored'; readonly status: 200 | 207 | 422; readonly answer: StoredAnswer }
  | { readonly kind: 'replayed'; readonly status: 200 | 207 | 422; readonly body: string }
  | { readonly kind: 'refused'; readonly error: EaError }
