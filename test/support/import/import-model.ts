/**
 * What imports and undos must lead to, told without a database: batches with the events that they own, and whose
 * duplicates they counted.
 */
import { expect } from 'vitest'
import type { Batch } from '../../../src/lib/batches/batch.js'
import type { Random } from '../../../src/lib/generate/random.js'
import type { GivenRecord } from './import-data.js'

interface ModelBatch {
  readonly id: number
  readonly path: string
  status: 'completed' | 'failed' | 'undone'
  stale: boolean
  /** The events that it owns, by id. */
  readonly owned: Map<number, GivenRecord>
  /** How many of its duplicates each other batch owned when it completed. */
  readonly leansOn: Map<number, number>
}

export interface ModelCounts {
  readonly status: 'completed' | 'already_imported' | 'failed'
  readonly read: number
  readonly inserted: number
  readonly duplicates: number
  readonly rejected: number
}

export class BatchModel {
  readonly #batches: ModelBatch[] = []
  /** The file of the import that broke off and can be resumed. */
  #loading: string | undefined

  get loading(): string | undefined {
    return this.#loading
  }

  /** An import that comes to its end. */
  import(
    path: string,
    records: readonly GivenRecord[],
    { force, budget, id }: { force: boolean; budget: number; id: number },
  ): ModelCounts {
    const known = this.#batches.find((batch) => batch.path === path && batch.status === 'completed' && !batch.stale)
    if (known && !force) return { status: 'already_imported', read: 0, inserted: 0, duplicates: 0, rejected: 0 }
    this.#loading = undefined
    const good = records.filter((record) => !record.broken)
    const rejected = records.length - good.length
    const batch: ModelBatch = { id, path, status: 'failed', stale: false, owned: new Map(), leansOn: new Map() }
    this.#batches.push(batch)
    if (rejected > budget) return { status: 'failed', read: records.length, inserted: 0, duplicates: 0, rejected }

    const owners = this.#owners()
    for (const record of good) {
      const owner = owners.get(record.id)
      if (owner !== undefined) batch.leansOn.set(owner, (batch.leansOn.get(owner) ?? 0) + 1)
      else if (!batch.owned.has(record.id)) batch.owned.set(record.id, record)
    }
    batch.status = 'completed'
    const inserted = batch.owned.size
    return { status: 'completed', read: records.length, inserted, duplicates: good.length - inserted, rejected }
  }

  /** An import that broke off and left a batch that loads, and nothing of what had broken off before. */
  interrupt(path: string): void {
    this.#loading = path
  }

  /** What broke off before is given up. */
  discard(): void {
    this.#loading = undefined
  }

  /** A batch to undo, if there is one. */
  undoable(random: Random): number | undefined {
    const completed = this.#batches.filter((batch) => batch.status === 'completed')
    return completed[random.below(completed.length)]?.id
  }

  undo(id: number): { removed: number; stale: number[] } {
    this.discard()
    const batch = this.#batches.find((one) => one.id === id)!
    const removed = batch.owned.size
    batch.status = 'undone'
    batch.owned.clear()
    const leaning = this.#batches.filter((one) => one.status === 'completed' && one.leansOn.has(id))
    for (const one of leaning) one.stale = true
    return { removed, stale: leaning.map((one) => one.id).sort((a, b) => a - b) }
  }

  /** Who owns each event that is visible. */
  #owners(): Map<number, number> {
    const owners = new Map<number, number>()
    for (const batch of this.#batches) for (const id of batch.owned.keys()) owners.set(id, batch.id)
    return owners
  }

  /** The events that count, by id, with their owners. */
  visible(): { record: GivenRecord; batch: number }[] {
    return this.#batches
      .flatMap((batch) => [...batch.owned.values()].map((record) => ({ record, batch: batch.id })))
      .sort((a, b) => a.record.id - b.record.id)
  }

  /** Compares with what is stored, oldest first. Batches that were begun and given up are known to the database only. */
  compareBatches(stored: readonly Batch[]): void {
    const loading = stored.filter((batch) => batch.status === 'loading').map((batch) => batch.file)
    expect(loading).toEqual(this.#loading === undefined ? [] : [this.#loading])
    const mine = new Map(this.#batches.map((batch) => [batch.id, batch]))
    const ended = stored.filter(
      (batch) => batch.status !== 'loading' && (mine.has(batch.id) || batch.status !== 'undone'),
    )
    expect(ended.map(({ id, file, status, stale, inserted }) => ({ id, file, status, stale, inserted }))).toEqual(
      [...this.#batches]
        .sort((a, b) => a.id - b.id)
        .map(({ id, path, status, stale, owned }) => ({
          id,
          file: path,
          status,
          stale,
          inserted: status === 'undone' ? expect.any(Number) : owned.size,
        })),
    )
    // All that a batch has that leans on nobody who is gone: every one of its records is there.
    const visible = new Set(this.#batches.flatMap((batch) => [...batch.owned.keys()]))
    expect(visible.size).toBe(this.#batches.reduce((sum, batch) => sum + batch.owned.size, 0))
  }
}
