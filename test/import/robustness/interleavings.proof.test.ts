/**
 * Imports, failures, kills, undo and resumed imports in any order: afterwards every record of every completed batch that
 * is not stale is visible, exactly once. A small model says what each step must lead to.
 */
import { rm } from 'node:fs/promises'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { listBatches } from '../../../src/lib/batches/batches.js'
import { undoBatch } from '../../../src/lib/batches/undo.js'
import { armFailpoint } from '../../../src/lib/core/failpoint.js'
import { type Database, withPool } from '../../../src/lib/db/connect.js'
import { Random } from '../../../src/lib/generate/random.js'
import { importFiles } from '../../../src/lib/import/import.js'
import type { FileOutcome, ImportEvent, ImportOptions } from '../../../src/lib/import/options.js'
import { importChild } from '../../support/import/import-child.js'
import { eventOf, type GivenRecord, records, writeCsv } from '../../support/import/import-data.js'
import { BatchModel } from '../../support/import/import-model.js'
import { clear, expectSound, visibleEvents } from '../../support/import/import-state.js'
import { freshDatabase } from '../../support/postgres/database.js'
import { temporaryFolder } from '../../support/postgres/server.js'

const interleavings = 200
const withRealKills = 10
const stepsEach = 5
const budget = 5

let folder: string
let url: string
let drop: () => Promise<void>

beforeAll(async () => {
  folder = await temporaryFolder()
  ;({ url, drop } = await freshDatabase())
})

afterEach(() => armFailpoint(undefined))

afterAll(async () => {
  await drop()
  await rm(folder, { recursive: true, force: true })
})

interface TestFile {
  readonly path: string
  readonly records: readonly GivenRecord[]
}

/** Four files whose events overlap; the last one has more rejects than its budget. */
function files(seed: number): TestFile[] {
  return [0, 1, 2, 3].map((index) => {
    const given = records(seed * 4 + index, { count: 24, ids: [0, 40], repeats: 25, broken: index === 3 ? 50 : 3 })
    return { path: writeCsv(`${folder}/file${index}.csv`, given), records: given }
  })
}

/** Places where an import or an undo can break off. */
const places = [
  'lease.taken',
  'batch.created',
  'copy.ended@3',
  'merge.started@2',
  'merge.inserted@3',
  'merge.recorded@2',
  'chunk.before-commit@2',
  'chunk.done@3',
  'complete.prepared',
  'complete.locked',
  'complete.rollups',
  'complete.status',
  'complete.committed',
  'discard.started',
  'discard.removed',
  'undo.prepared',
  'undo.rollups',
  'undo.before-commit',
]

/** One history: random steps on one database, and after each of them what the model says. */
class History {
  readonly #db: Database
  readonly #random: Random
  readonly #files: readonly TestFile[]
  readonly #model = new BatchModel()
  readonly #told: string[] = []
  readonly #kills: boolean

  constructor(db: Database, seed: number, kills: boolean) {
    this.#db = db
    this.#random = new Random(seed, 21)
    this.#files = files(seed)
    this.#kills = kills
  }

  async run(): Promise<void> {
    try {
      for (let step = 0; step < stepsEach; step++) {
        await this.#step()
        await this.#compare()
      }
      await this.#resumeAll()
      await this.#compare()
      await expectSound(this.#db)
    } catch (error) {
      throw new Error(`after ${this.#told.join(', ')}: ${(error as Error).message}`, { cause: error })
    }
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#random.below(items.length)]!
  }

  #options(): ImportOptions {
    return {
      chunkBytes: this.#pick([300, 500, 900]),
      jobs: this.#pick([1, 2, 3]),
      maxRejects: { records: budget },
      atomic: this.#random.below(12) === 0,
      force: this.#random.below(12) === 0,
    }
  }

  async #step(): Promise<void> {
    const file = this.#pick(this.#files)
    const kind = this.#random.below(10)
    if (kind < 3) await this.#import(file)
    else if (kind < 5) await this.#breakOff(file)
    else if (kind < 6) await this.#interrupt(file)
    else if (kind < 7) await this.#takeOver(file, this.#pick(this.#files))
    else if (kind < 8) await this.#both(file, this.#pick(this.#files))
    else await this.#undo(kind === 9)
  }

  async #import(file: TestFile): Promise<void> {
    const options = this.#options()
    this.#told.push(`import ${file.path.at(-5)}${options.atomic ? ' atomically' : ''}${options.force ? ' again' : ''}`)
    this.#book(file, options, await importFiles(this.#db, [file.path], options))
  }

  /** Books what an import that came to its end said, and holds its counts against the model's. */
  #book(file: TestFile, options: ImportOptions, { files }: { files: readonly FileOutcome[] }): void {
    const { id, status, read, inserted, duplicates, rejected } = files[0]!
    const expected = this.#model.import(file.path, file.records, { force: options.force === true, budget, id: id! })
    expect({ status, read, inserted, duplicates, rejected }).toEqual(expected)
  }

  /** An import that dies or fails at a place, if it comes there. */
  async #breakOff(file: TestFile): Promise<void> {
    const options = this.#options()
    const place = this.#pick(places)
    this.#told.push(`import ${file.path.at(-5)} until ${place}`)
    if (this.#kills) {
      const ended = await importChild({ url, files: [file.path], options }, `${place}=kill`).ended
      if (ended.signal === null) this.#book(file, options, ended.outcome!)
      else await this.#adopt(file, options, place)
      return
    }
    armFailpoint(`${place}=error`)
    try {
      this.#book(file, options, await importFiles(this.#db, [file.path], options))
    } catch (error) {
      if ((error as Error).message !== `failpoint ${place.split('@')[0]}`) throw error
      await this.#adopt(file, options, place)
    } finally {
      armFailpoint(undefined)
    }
  }

  /** An import that is asked to end between two chunks. */
  async #interrupt(file: TestFile): Promise<void> {
    const options = { ...this.#options(), atomic: false }
    const interrupt = new AbortController()
    let chunks = 1 + this.#random.below(4)
    const onEvent = ({ type }: ImportEvent) => {
      if (type === 'progress' && --chunks === 0) interrupt.abort()
    }
    this.#told.push(`import ${file.path.at(-5)} until Ctrl-C`)
    try {
      this.#book(
        file,
        options,
        await importFiles(this.#db, [file.path], { ...options, onEvent, signal: interrupt.signal }),
      )
    } catch (error) {
      if ((error as { code?: string }).code !== 'interrupted') throw error
      await this.#adopt(file, options, 'interrupted')
    }
  }

  /** An import whose lease is taken by a second one while it runs. */
  async #takeOver(file: TestFile, next: TestFile): Promise<void> {
    const options = { ...this.#options(), atomic: false }
    this.#told.push(`import ${file.path.at(-5)} taken over by ${next.path.at(-5)}`)
    const { import_lease } = this.#db.t
    let second: Promise<{ files: readonly FileOutcome[] }> | undefined
    const onEvent = (event: ImportEvent) => {
      if (event.type !== 'progress' || event.phase !== 'loading' || second) return
      second = sql`UPDATE ${import_lease} SET heartbeat_at = heartbeat_at - interval '1 minute'`
        .execute(this.#db.q)
        .then(() => importFiles(this.#db, [next.path], { ...options, waitMs: 30_000 }))
    }
    const first = await settled(importFiles(this.#db, [file.path], { ...options, onEvent }))
    const outcome = await second
    if (first.value) this.#book(file, options, first.value)
    else if ((first.error as { code?: string }).code === 'lease_lost') this.#model.interrupt(file.path)
    else throw first.error
    if (outcome) this.#book(next, options, outcome)
  }

  /** Two imports at once: the second one waits. */
  async #both(file: TestFile, next: TestFile): Promise<void> {
    const options = { ...this.#options(), waitMs: 30_000 }
    this.#told.push(`import ${file.path.at(-5)} and ${next.path.at(-5)} at once`)
    const order: [TestFile, { files: readonly FileOutcome[] }][] = []
    await Promise.all(
      [file, next].map(async (one) => {
        // 'finished' is told under the lease, so in the order in which they had it.
        const onEvent = (event: ImportEvent) => {
          if (event.type === 'finished') order.push([one, { files: [event.outcome] }])
        }
        await importFiles(this.#db, [one.path], { ...options, onEvent })
      }),
    )
    for (const [one, outcome] of order) this.#book(one, options, outcome)
  }

  async #undo(breaksOff: boolean): Promise<void> {
    const id = this.#model.undoable(this.#random)
    if (id === undefined) return
    const place = this.#pick(['undo.prepared', 'undo.rollups', 'undo.before-commit', 'discard.removed'])
    this.#told.push(`undo ${id}${breaksOff ? ` until ${place}` : ''}`)
    if (breaksOff) armFailpoint(`${place}=error`)
    try {
      const { removed, stale } = await undoBatch(this.#db, id)
      expect({ removed, stale: stale.map((batch) => batch.id).sort((a, b) => a - b) }).toEqual(this.#model.undo(id))
    } catch (error) {
      if (!(error as Error).message.startsWith('failpoint')) throw error
      if (place !== 'discard.removed') this.#model.discard()
    } finally {
      armFailpoint(undefined)
    }
  }

  /** What an import that broke off left: where it was is known, what it left is read once, and must be possible. */
  async #adopt(file: TestFile, options: ImportOptions, place: string): Promise<void> {
    if (place === 'complete.committed') {
      const id = (await listBatches(this.#db, { limit: 1 }))[0]!.id
      this.#model.import(file.path, file.records, { force: options.force === true, budget, id })
      return
    }
    if (place === 'lease.taken') return
    // What an earlier import left is discarded first; a batch that fails is discarded, too.
    const { loading } = this.#model
    const givesUpOther = loading !== undefined && (options.atomic || loading !== file.path)
    if (place.startsWith('discard')) return givesUpOther ? undefined : this.#model.interrupt(file.path)
    if (options.atomic) this.#model.discard()
    else this.#model.interrupt(file.path)
  }

  async #compare(): Promise<void> {
    const batches = await listBatches(this.#db)
    this.#model.compareBatches(batches.reverse())
    const stored = await visibleEvents(this.#db)
    expect(stored).toEqual(this.#model.visible().map(({ record, batch }) => ({ ...eventOf(record), batch })))
  }

  /** Imports what was interrupted, so that nothing is left half done. */
  async #resumeAll(): Promise<void> {
    const path = this.#model.loading
    if (path === undefined) return
    const file = this.#files.find((one) => one.path === path)!
    this.#told.push(`resume ${path.at(-5)}`)
    const options = { maxRejects: { records: budget }, force: true }
    this.#book(file, options, await importFiles(this.#db, [path], { ...options, waitMs: 30_000 }))
  }
}

async function settled<T>(promise: Promise<T>): Promise<{ value?: T; error?: unknown }> {
  return promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  )
}

describe('every record of every completed batch that is not stale is visible, exactly once', () => {
  const groups = Array.from({ length: 10 }, (_, group) => group)
  test.each(groups)('seeds %d × 20 …', (group) =>
    withPool({ url, schema: 'ea', maxConnections: 8 }, async (db) => {
      for (let seed = (group * interleavings) / 10; seed < ((group + 1) * interleavings) / 10; seed++) {
        await clear(db)
        await new History(db, seed, false).run().catch((error) => {
          throw new Error(`seed ${seed}, ${error.message}`, { cause: error })
        })
      }
    }),
  )

  test(
    'with real kills',
    () =>
      withPool({ url, schema: 'ea', maxConnections: 8 }, async (db) => {
        for (let seed = 1_000; seed < 1_000 + withRealKills; seed++) {
          await clear(db)
          await new History(db, seed, true).run().catch((error) => {
            throw new Error(`seed ${seed}, ${error.message}`, { cause: error })
          })
        }
      }),
    120_000,
  )
})
