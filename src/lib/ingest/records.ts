/**
 * The records of several requests as one run of rows: how they are staged, and which row belongs to which request.
 */
import { type RawBuilder, sql } from 'kysely'
import { atOnce, bytesAtOnce, type Steps } from '../core/in-turns.js'
import type { Transaction } from '../db/connect.js'
import { findRejected, type ValidationMode } from '../load/load-chunk.js'
import type { Rejection } from '../load/merge.js'
import type { Chunk } from '../load/split/chunk.js'
import { copyOptions } from '../load/split/copy.js'
import { wholeSource } from '../load/sql/mapping-sql.js'
import { stagingLayoutOf } from '../load/sql/staging-columns.js'
import type { ValidationOptions, ValidationRules } from '../load/sql/validation-sql.js'
import { stageChunk, staging } from '../load/stage.js'
import type { IngestRequest } from './body/request.js'

/** Up to here records travel as a parameter; more of them are worth a staging table. */
const inlineMaxRecords = 500
const inlineMaxBytes = 512 * 1024

const shape = { kind: 'lines' } as const
const cr = 0x0d
const lf = 0x0a

/** The good records of a run, numbered from 1 in the order of the requests. */
export class RunRecords {
  /** Good records of the whole run. */
  readonly good: number
  /** The number of each request's first record. */
  readonly firsts: readonly number[]
  readonly #requests: readonly IngestRequest[]

  constructor(requests: readonly IngestRequest[]) {
    this.#requests = requests
    let good = 0
    this.firsts = requests.map(({ chunk }) => {
      const first = good + 1
      good += chunk.good
      return first
    })
    this.good = good
  }

  /** Whether they are few enough to travel as a parameter. */
  get isInline(): boolean {
    return isSmall(this.#requests)
  }

  /** Which request (from 0) a record belongs to, and its number among that request's good ones (from 1). */
  find(n: number): { readonly request: number; readonly n: number } {
    let low = 0
    let high = this.firsts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.firsts[middle]! <= n) low = middle
      else high = middle - 1
    }
    return { request: low, n: n - this.firsts[low]! + 1 }
  }

  /** The documents as one relation with the column `c1`: a parameter, or the staging table that COPY fills. */
  async stage(tx: Transaction, rules: ValidationRules, mode: ValidationMode): Promise<Staged> {
    const chunks = this.#requests.map((request) => request.chunk)
    const layout = stagingLayoutOf(
      {
        longestRecord: chunks.reduce((longest, chunk) => Math.max(longest, chunk.longestRecord), 0),
        plainTimes: false,
        plainTexts: chunks.every((chunk) => chunk.plainTexts),
      },
      shape,
      rules.mapping,
      rules.timeFormat,
      mode !== 'optimistic',
    )
    const options: ValidationOptions = { layout, numbering: wholeSource, refused: [], numbered: true }
    if (!this.isInline) {
      const [only] = chunks
      const copyData = chunks.length === 1 ? only!.copyData : linesOfAll(chunks)
      await stageChunk(tx, { good: this.good, copyData }, layout, copyOptions(shape))
      return { relation: staging, options }
    }
    const documents = chunks.flatMap((chunk) => documentsOf(chunk))
    const relation = layout.strict
      ? sql`(SELECT d AS c1 FROM unnest(${documents}::text[]) AS d)`
      : sql`(SELECT d::jsonb AS c1 FROM unnest(${documents}::text[]) AS d)`
    return { relation, options }
  }

  /** Sets the records aside that PostgreSQL refuses, when nothing else helped. */
  async setAside(tx: Transaction, rules: ValidationRules, { relation, options }: Staged): Promise<SetAside> {
    const refusals = await findRejected(tx, rules, options, [1, this.good], relation)
    return { relation, options: { ...options, refused: refusals.map(({ n }) => n) }, refusals }
  }
}

/** Staged records, for `judgeSql`. */
export interface Staged {
  readonly relation: RawBuilder<unknown>
  readonly options: ValidationOptions
}

export interface SetAside extends Staged {
  readonly refusals: readonly Rejection[]
}

/** Whether requests are few and short enough to be committed together with others. */
export function isSmall(requests: readonly Pick<IngestRequest, 'chunk' | 'bytes'>[]): boolean {
  let records = 0
  let bytes = 0
  for (const request of requests) {
    records += request.chunk.good
    bytes += request.bytes
  }
  return records <= inlineMaxRecords && bytes <= inlineMaxBytes
}

/** Most small requests that are committed together. */
export const groupMaxRecords = inlineMaxRecords
export const groupMaxBytes = inlineMaxBytes

function documentsOf(chunk: Chunk): string[] {
  return Array.from({ length: chunk.good }, (_, index) => chunk.goodRecord(index + 1).raw.toString('utf8'))
}

/**
 * The good records of a chunk, each on one line with a line feed after it. JSON has no raw line break inside a string
 * (the splitter sees to that), and outside of one a space is as good.
 */
export function* linesOf(chunk: Chunk): Steps<Buffer> {
  // A line is no longer than the record and what came after it; after the last one there may be nothing.
  const lines = Buffer.allocUnsafeSlow(chunk.byteTo - chunk.byteFrom + 1)
  let at = 0
  let seen = 0
  for (let n = 1; n <= chunk.good; n++) {
    const { raw } = chunk.goodRecord(n)
    for (let i = 0; i < raw.length; i++) if (raw[i] === lf || raw[i] === cr) raw[i] = 0x20
    at += raw.copy(lines, at)
    lines[at++] = lf
    if (at - seen < bytesAtOnce) continue
    yield
    seen = at
  }
  return lines.subarray(0, at)
}

function* linesOfAll(chunks: readonly Chunk[]): Generator<Buffer> {
  for (const chunk of chunks) yield atOnce(linesOf(chunk))
}
