/** What an import can be told, what it tells while it runs, and what it answers. */
import type { Readable } from 'node:stream'
import type { Batch } from '../batches/batch.js'
import type { UndoPreview } from '../batches/describe.js'
import type { LeaseHolder } from '../batches/lease.js'
import type { UndoResult } from '../batches/undo.js'
import type { ErrorCode } from '../core/errors.js'
import { limits, type RejectCode } from '../core/event.js'
import type { RejectBudget } from '../load/import-counts.js'
import type { ReadingOptions } from './reading/parse-options.js'
import type { RejectsFileSummary } from './rejects-file.js'
import type { LeftOut } from './source/paths.js'

export interface ImportOptions extends Partial<ReadingOptions> {
  /** How many rejects a file may have; default none. */
  readonly maxRejects?: RejectBudget
  /** Import a file even if its content is already imported. */
  readonly force?: boolean
  /** Show what an import would do; store nothing. */
  readonly dryRun?: boolean
  /** One transaction on one connection. */
  readonly atomic?: boolean
  /** `staged`: every record goes through staging; default `auto`: plain new ones go straight into `events`. */
  readonly load?: 'auto' | 'staged'
  /** How many chunks are merged at once, each on its own connection. */
  readonly jobs?: number
  /** The size of a chunk, for a new batch. */
  readonly chunkBytes?: number
  /** How long to wait for another import; default not at all. */
  readonly waitMs?: number
  /** Writes the header and all untouched rejects of the (only) file here, whether it is imported or fails. */
  readonly rejectsFile?: string | undefined
  /** Ends the import between two chunks; what is merged is kept for the next one. */
  readonly signal?: AbortSignal | undefined
  /** What `-` reads; default standard input. */
  readonly stdin?: Readable
  /** Told what happens, with plain values; silence is the default. */
  readonly onEvent?: (event: ImportEvent) => void
}

export const importDefaults = {
  timezone: 'UTC',
  timeFormat: { kind: 'auto' },
  maxRecordBytes: limits.recordMaxBytes,
  maxRejects: { records: 0 },
  chunkBytes: 8 * 1024 * 1024,
} as const

/** Options of how to read, with the default of each that has one. */
export function withReadingDefaults<T extends Partial<ReadingOptions>>(options: T): T & ReadingOptions {
  return {
    ...options,
    timezone: options.timezone ?? importDefaults.timezone,
    timeFormat: options.timeFormat ?? importDefaults.timeFormat,
    maxRecordBytes: options.maxRecordBytes ?? importDefaults.maxRecordBytes,
  }
}

export type Phase = 'hashing' | 'loading' | 'checking' | 'completing'

export type ImportEvent =
  | ({ readonly type: 'left_out' } & LeftOut)
  | { readonly type: 'waiting'; readonly holder: LeaseHolder }
  | { readonly type: 'discarded'; readonly batch: Batch }
  | { readonly type: 'resuming'; readonly batch: Batch; readonly chunks: number; readonly read: number }
  | { readonly type: 'retrying'; readonly chunk: number; readonly reason: string }
  | {
      readonly type: 'progress'
      readonly file: string
      readonly phase: Phase
      /** Bytes of the file as it lies on disk; the total is null for a stream. */
      readonly readBytes: number
      readonly totalBytes: number | null
      readonly records: number
    }
  | { readonly type: 'undone'; readonly undone: UndoPreview & Partial<UndoResult>; readonly dryRun: boolean }
  | { readonly type: 'warning'; readonly file: string; readonly message: string }
  | { readonly type: 'finished'; readonly outcome: FileOutcome }

export type ImportStatus = 'completed' | 'already_imported' | 'failed' | 'dry_run'

/** What became of one file. */
export interface FileOutcome {
  /** The batch; of `already_imported` the one that holds the content; null for a dry run and for what was not opened. */
  readonly id: number | null
  readonly file: string
  readonly sha256: string | null
  readonly status: ImportStatus
  /** What this import read and did: all 0 when the content was imported already. */
  readonly read: number
  readonly inserted: number
  readonly duplicates: number
  /** How many of the duplicates have other content than the event that is stored. */
  readonly differing: number
  readonly rejected: number
  /** Of the decompressed content. */
  readonly bytes: number
  readonly seconds: number
  /** Wall seconds of each phase that took place. */
  readonly phases: Readonly<Partial<Record<Phase, number>>>
  /** In a dry run: the file before it that has the same content. */
  readonly sameAs?: string
  /** When the content was imported, if it was already. */
  readonly importedAt?: Date
  /** Why records were rejected, most frequent first. */
  readonly reasons: readonly { readonly code: RejectCode; readonly count: number }[]
  /** The first rejects, without their bytes. */
  readonly firstRejects: readonly {
    readonly record: number
    readonly line: number
    readonly code: RejectCode
    readonly text: string
  }[]
  /** What may not be as it was meant, in sentences. */
  readonly warnings: readonly string[]
  /** What `--rejects-file` holds. */
  readonly rejectsFile?: RejectsFileSummary
  /** Why the file failed. */
  readonly error?: { readonly code: ErrorCode; readonly message: string; readonly suggestions: readonly string[] }
}

export interface ImportOutcome {
  readonly files: readonly FileOutcome[]
  /** What folders have beside these files. */
  readonly leftOut: readonly LeftOut[]
  /** Of an import again: the undo before it, done or tried; null when there was nothing to undo. */
  readonly undone?: (UndoPreview & Partial<UndoResult>) | null
  readonly totals: {
    readonly files: number
    readonly read: number
    readonly inserted: number
    readonly duplicates: number
    readonly differing: number
    readonly rejected: number
    readonly bytes: number
    readonly seconds: number
  }
}
