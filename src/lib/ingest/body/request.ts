/**
 * The words of events over HTTP: what a request brings, what it is answered, and the pieces that work is done in.
 * No behaviour lives here.
 */
import type { EaError } from '../../core/errors.js'
import type { RejectCode } from '../../core/event.js'
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

/** A record that is not stored. */
export interface RejectedRecord {
  /** Its place in the request, from 0. */
  readonly index: number
  readonly code: RejectCode
  readonly message: string
}

/** What a request is told once its events are committed. */
export interface StoredAnswer {
  readonly received: number
  readonly inserted: number
  readonly duplicates: number
  /** How many of the duplicates have other content than the event that is stored; absent when there are none. */
  readonly differing?: number
  /** Kept until the import that is loading the same ids ends; absent when there are none. */
  readonly pending?: number
  readonly rejected: readonly RejectedRecord[]
  /** How many were rejected in all; absent when all of them are listed. */
  readonly rejected_total?: number
  /** What may not be as it was meant, in sentences; absent when there is nothing. */
  readonly warnings?: readonly string[]
}

/** What a request is told whose events are safe in the spool. */
export interface QueuedAnswer {
  readonly status: 'queued'
  readonly received: number
  /** Structural rejects: the only ones that are known before the database has seen the records. */
  readonly rejected: readonly RejectedRecord[]
  /** See `StoredAnswer`. */
  readonly rejected_total?: number
}

/** 200 all stored, 207 partly, 422 none, 202 queued. `body` is JSON text. */
export interface RequestAnswer {
  readonly status: 200 | 202 | 207 | 422
  readonly body: string
  /** Whether it is the answer of an earlier request with the same Idempotency-Key. */
  readonly replayed: boolean
}

/** A request as it lies in the spool: its good records only, each one line of JSON with a line feed after it. */
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
