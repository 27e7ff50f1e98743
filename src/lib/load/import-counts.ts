/**
 * The books of one import: what was read and what became of it, the first rejects and their reasons, and whether the
 * rejects are still within their budget.
 */

import { failedBatchKeepsRejects } from '../batches/rejects.js'
import type { Reject, RejectCode } from '../core/event.js'
import { counted, grouped } from '../present/tables/cell-text.js'
import type { Rejects } from './chunk-rejects.js'
import { addedClocks, type ClockCounts, noClockCounts } from './clock-changes.js'
import type { Remarks } from './merge.js'

/** How many rejects an import may have: a number, judged at once, or a share of the records, judged at the end. */
export type RejectBudget = { readonly records: number } | { readonly percent: number }

export interface Counts {
  readonly read: number
  readonly inserted: number
  readonly duplicates: number
  /** How many of the duplicates have other content than the event that is stored. */
  readonly differing: number
  readonly rejected: number
}

const countNames = ['read', 'inserted', 'duplicates', 'differing', 'rejected'] as const satisfies (keyof Counts)[]

/** Says which keys stand at the top of records and in their properties with other values: only one of them can be kept. */
export function shadowedText(keys: readonly (readonly [key: string, records: number])[]): string {
  const texts = keys.map(([key, records]) => `${key} (${counted(records, 'record')})`)
  return `The properties have another value than the column or key of the same name, and theirs is kept: ${texts.join(', ')}`
}

/** Says which values stay what they were given as. */
export function mistypedText(types: readonly (readonly [type: string, records: number])[]): string {
  const texts = types.map(([type, records]) => `${type} (${counted(records, 'record')})`)
  return `Values are not of the type that --types says, and stay as they are given: ${texts.join(', ')}`
}

/** Says how many local times did not exist or existed twice, and how they are read. */
export function clockTexts({ skippedTimes, repeatedTimes }: ClockCounts, timezone: string): string[] {
  const times = (count: number) => (count === 1 ? '1 time has' : `${grouped(count)} times have`)
  return [
    ...(skippedTimes > 0
      ? [
          `${times(skippedTimes)} no offset and did not exist in ${timezone}, because the clocks were set forward: each is read by the clock before the change.`,
        ]
      : []),
    ...(repeatedTimes > 0
      ? [
          `${times(repeatedTimes)} no offset and existed twice in ${timezone}, because the clocks were set back: each is read as the later one.`,
        ]
      : []),
  ]
}

/** Bytes of rejects that are held for the message and for a batch that fails. */
const maxHeldBytes = 32 * 1024 * 1024

export class ImportCounts {
  #counts = { read: 0, inserted: 0, duplicates: 0, differing: 0, rejected: 0 }
  readonly #codes = new Map<RejectCode, number>()
  /** The first rejects of the file so far; chunks end in any order. */
  #first: Reject[] = []
  readonly #shadowed = new Map<string, number>()
  readonly #mistyped = new Map<string, number>()
  #clocks = noClockCounts
  readonly #budget: RejectBudget

  constructor(budget: RejectBudget) {
    this.#budget = budget
  }

  /** Books one chunk. */
  add(counts: Counts & ClockCounts & Remarks, rejects: Rejects): void {
    increase(this.#shadowed, Object.entries(counts.shadowed))
    increase(this.#mistyped, Object.entries(counts.mistyped))
    for (const key of countNames) this.#counts[key] += counts[key]
    this.#clocks = addedClocks(this.#clocks, counts)
    this.#addCodes(rejects.codes)
    this.#hold(rejects)
  }

  /** Books the rejects of chunks that an interrupted import of the same file had merged. */
  addEarlier(codes: ReadonlyMap<RejectCode, number>, firstRejects: readonly Reject[]): void {
    this.#addCodes(codes)
    this.#hold(firstRejects)
  }

  #addCodes(codes: ReadonlyMap<RejectCode, number>): void {
    increase(this.#codes, codes)
  }

  /** @param rejects in the order of the file: what comes after the last one that can be held is not even looked at */
  #hold(rejects: Iterable<Reject>): void {
    const merged = [...this.#first]
    const last = this.#first.length < failedBatchKeepsRejects ? undefined : this.#first.at(-1)
    let added = 0
    for (const reject of rejects) {
      if (added === failedBatchKeepsRejects || (last && reject.record > last.record)) break
      merged.push({ ...reject, raw: Buffer.from(reject.raw) })
      added += 1
    }
    if (added === 0) return
    let bytes = 0
    this.#first = []
    for (const reject of merged.sort((a, b) => a.record - b.record).slice(0, failedBatchKeepsRejects)) {
      bytes += reject.raw.length
      if (bytes > maxHeldBytes) break
      this.#first.push(reject)
    }
  }

  get counts(): Counts {
    return { ...this.#counts }
  }

  /** Keys with their records, the most frequent first. */
  get shadowed(): readonly (readonly [key: string, records: number])[] {
    return mostFirst(this.#shadowed)
  }

  /** Types with the records that have a value of another one, the most frequent first. */
  get mistyped(): readonly (readonly [type: string, records: number])[] {
    return mostFirst(this.#mistyped)
  }

  /** Records with local times that the clocks skipped or showed twice. */
  get clocks(): ClockCounts {
    return this.#clocks
  }

  /** The first rejects in the order of the file. */
  get firstRejects(): readonly Reject[] {
    return this.#first
  }

  /** Reasons with their counts, the most frequent first. */
  get reasons(): readonly { readonly code: RejectCode; readonly count: number }[] {
    return mostFirst(this.#codes).map(([code, count]) => ({ code, count }))
  }

  /** Whether no later record can bring the rejects back under their budget. */
  get isOverForGood(): boolean {
    return 'records' in this.#budget && this.#counts.rejected > this.#budget.records
  }

  /** Whether the rejects are over their budget, when all was read. */
  get isOver(): boolean {
    if ('records' in this.#budget) return this.isOverForGood
    return this.#counts.rejected * 100 > this.#budget.percent * this.#counts.read
  }

  /** The budget in words: `0`, `2%`. */
  get budgetText(): string {
    return 'records' in this.#budget ? String(this.#budget.records) : `${this.#budget.percent}%`
  }
}

function increase<K>(counts: Map<K, number>, by: Iterable<readonly [K, number]>): void {
  for (const [key, n] of by) counts.set(key, (counts.get(key) ?? 0) + n)
}

const mostFirst = <K>(counts: ReadonlyMap<K, number>) => [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
