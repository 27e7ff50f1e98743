/**
 * What a scanner is: one per shape. It knows where records end and what is wrong with one; it neither reads nor
 * keeps memory. Each scanner says the same thing twice: `scan` fast, for records that are good, and `judge` exactly,
 * for the one that is not.
 */
import type { Fault } from './chunk.js'
import type { ChunkBuilder } from './chunk-builder.js'

/**
 * Why a scan stopped: at a border of the chunk (or the end of the source), because more bytes are needed to tell, or
 * because the record at `builder.at` breaks a rule.
 */
export type ChunkStop = 'border' | 'more' | 'fault'

export interface Scanner {
  /** Whether a CR without LF ends a line, and with it a record that breaks a rule. */
  readonly crEnds: boolean
  /**
   * Adds good records to the draft from `builder.at` on.
   *
   * @param isCareful look at the content of each record (UTF-8, NUL), not only at the structure
   */
  scan(builder: ChunkBuilder, isCareful: boolean): ChunkStop
  /** What is wrong with the record at `builder.at`; `more` when that needs more bytes than have been read. */
  judge(builder: ChunkBuilder, isCareful: boolean): Fault | 'more'
  /** Whether `[from, to)` holds no byte for which records must be looked at one by one. */
  isClean(bytes: Buffer, from: number, to: number): boolean
  /**
   * Called after a reject was taken out, so that a scanner with a memory can find its feet.
   *
   * @param isSure the reject ended where the scanner said (`Fault.to`), not at a line break
   */
  recover(builder: ChunkBuilder, isSure: boolean): void
  /** Whether a source may end in this phase. */
  mayEnd(phase: number): boolean
}
