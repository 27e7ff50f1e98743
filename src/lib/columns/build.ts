/**
 * Brings a column store up to date: files of what is new, none of what is gone. One process does it at a time; a question
 * that runs meanwhile reads the list of before or of after, and both are right for what it sees.
 *
 *   visible batches − what files have ─ COPY ─ DuckDB: sort ─ file.part ─ fsync ─ rename ─ list
 */
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { sql } from 'kysely'
import { failpoint } from '../core/failpoint.js'
import { type Database, type Transaction, withTransaction } from '../db/connect.js'
import { openDuckdb } from '../os/duckdb.js'
import { tryLock } from '../os/numbered-lock.js'
import { propertyText } from '../rollups/sql/property-values.js'
import { isUnaltered } from './checked-files.js'
import {
  type ColumnFile,
  type ColumnList,
  columnName,
  isSameProperty,
  readColumnList,
  writeColumnList,
} from './column-list.js'
import { type CopiedColumn, copyRows } from './copy-rows.js'
import { coverageOf, readVisibleBatches } from './visible-batches.js'
import { mergeFiles, writeColumnFile } from './write-file.js'

export interface ColumnsBuilt {
  /** How many files there are now, with how many events and bytes. */
  readonly files: number
  readonly events: number
  readonly bytes: number
  /** How many events were written by this call. */
  readonly written: number
  readonly seconds: number
}

export interface BuildColumnsOptions {
  readonly signal?: AbortSignal | undefined
  /** Does nothing while fewer events are in no file: a question reads some from PostgreSQL as fast. Default: 1. */
  readonly leastEvents?: number
  /** The rows of a file, at most about that many. */
  readonly fileRows?: number
}

/** Fewer files with more rows are read faster, and need more memory to be written. */
const defaultFileRows = 2_000_000
/** So many files with less than half of that are made into one. */
const smallFiles = 8
/** How long a file stays that was taken out of the list: longer than a question reads. */
const retiredMs = 10 * 60_000

/**
 * @returns undefined when there is no store or not enough to do, or another process is building it
 * @throws EaError `duckdb_missing`
 */
export async function buildColumns(db: Database, options: BuildColumnsOptions = {}): Promise<ColumnsBuilt | undefined> {
  const folder = db.columnsFolder
  const list = folder === undefined ? undefined : await readColumnList(folder)
  if (folder === undefined || list === undefined) return undefined
  if (options.leastEvents !== undefined) {
    const { tail } = coverageOf(list.files, await readVisibleBatches(db))
    if (tail.reduce((sum, { events }) => sum + events, 0) < options.leastEvents) return undefined
  }
  const lock = tryLock(folder)
  if (lock === undefined) return undefined
  const beganMs = performance.now()
  const duckdb = await openDuckdb('The column store is written by DuckDB', {
    threads: 2,
    memory: '1GB',
    tempFolder: join(folder, 'tmp'),
  }).catch((error: unknown) => {
    lock.release()
    throw error
  })
  try {
    const duck = await duckdb.connect()
    const stop = () => duck.interrupt()
    options.signal?.addEventListener('abort', stop)
    const build = new Build(folder, duck, options, (await readColumnList(folder))!)
    await build.sweep()
    await withTransaction(db, (tx) => build.run(tx), { isolation: 'repeatable read', readOnly: true }).finally(() => {
      options.signal?.removeEventListener('abort', stop)
      duck.closeSync()
    })
    const { files } = build.list
    const sum = (of: (file: ColumnFile) => number) => files.reduce((total, file) => total + of(file), 0)
    return {
      files: files.length,
      events: sum(({ rows }) => rows),
      bytes: sum(({ bytes }) => bytes),
      written: build.written,
      seconds: (performance.now() - beganMs) / 1000,
    }
  } finally {
    duckdb.close()
    lock.release()
  }
}

class Build {
  written = 0
  list: ColumnList
  readonly #folder: string
  readonly #duck: DuckDBConnection
  readonly #fileRows: number
  readonly #signal: AbortSignal | undefined

  constructor(folder: string, duck: DuckDBConnection, options: BuildColumnsOptions, list: ColumnList) {
    this.#folder = folder
    this.#duck = duck
    this.#signal = options.signal
    this.#fileRows = options.fileRows ?? defaultFileRows
    this.list = list
  }

  async run(tx: Transaction): Promise<void> {
    const visible = await readVisibleBatches(tx)
    await this.#dropOutdated(visible)
    const { tail } = coverageOf(this.list.files, visible)
    if (tail.length > 0) await this.#writeBatches(tx, tail, tail.length === visible.length)
    await this.#compact(visible)
  }

  /** Takes out the files of which less than half counts, that are damaged, or that have other properties. */
  async #dropOutdated(visible: Awaited<ReturnType<typeof readVisibleBatches>>): Promise<void> {
    const { current } = coverageOf(this.list.files, visible)
    const kept: ColumnFile[] = []
    for (const file of this.list.files) {
      const counting = new Set(current.get(file))
      const rows = file.batches.filter(({ id }) => counting.has(id)).reduce((sum, batch) => sum + batch.rows, 0)
      const hasAll = this.list.properties.every((path) =>
        file.properties.some((property) => isSameProperty(property.path, path)),
      )
      if (rows * 2 >= file.rows && hasAll && (await isUnaltered(this.#folder, file))) kept.push(file)
    }
    if (kept.length < this.list.files.length) await this.#replace(kept)
  }

  async #writeBatches(tx: Transaction, batches: readonly { id: number; version: string }[], areAll: boolean) {
    const { properties } = this.list
    const columns: CopiedColumn[] = [
      { name: 'batch_id', kind: 'integer' },
      { name: 'occurred_at', kind: 'time' },
      { name: 'user_id', kind: 'text' },
      { name: 'event_type', kind: 'text' },
      ...properties.map((path): CopiedColumn => ({ name: columnName(path), kind: 'text' })),
    ]
    const texts = properties.map((path) => propertyText(sql`properties`, path))
    const ids = batches.map(({ id }) => id)
    const isOpen = sql`batch_id IN (SELECT id FROM ${tx.t.import_batches} WHERE status <> 'completed')`
    const query = sql`SELECT ${sql.join([sql`batch_id`, sql`occurred_at`, sql`user_id`, sql`event_type`, ...texts])}
      FROM ${tx.t.events} WHERE ${areAll ? sql`NOT ${isOpen}` : sql`batch_id = ANY(${ids}::bigint[])`}`
    const versions = new Map(batches.map(({ id, version }) => [id, version]))
    const take = async () => {
      const file = await writeColumnFile(this.#duck, this.#folder, properties, versions)
      if (file === undefined) return
      await this.#replace([...this.list.files, file])
      this.written += file.rows
    }
    await copyRows(tx, this.#duck, 'events', columns, query, this.#signal, { rows: this.#fileRows, take })
    await take()
  }

  /** Makes one file of several small ones. */
  async #compact(visible: Awaited<ReturnType<typeof readVisibleBatches>>): Promise<void> {
    const { current } = coverageOf(this.list.files, visible)
    const small = this.list.files.filter(({ rows }) => rows * 2 < this.#fileRows)
    const chosen: ColumnFile[] = []
    for (const file of small) {
      const rows = [...chosen, file].reduce((sum, one) => sum + one.rows, 0)
      if (rows <= this.#fileRows) chosen.push(file)
    }
    if (small.length < smallFiles || chosen.length < 2) return
    const merged = await mergeFiles(this.#duck, this.#folder, this.list.properties, chosen, current)
    failpoint('columns.merged')
    const others = this.list.files.filter((file) => !chosen.includes(file))
    await this.#replace(merged === undefined ? others : [...others, merged])
  }

  /** Other files from now on; those that were there before are retired. */
  async #replace(files: readonly ColumnFile[]): Promise<void> {
    const gone = this.list.files.filter((file) => !files.includes(file))
    const retired = [...this.list.retired, ...gone.map(({ name }) => ({ name, at: Date.now() }))]
    this.list = { ...this.list, files: [...files], retired }
    failpoint('columns.listing')
    await writeColumnList(this.#folder, this.list)
    failpoint('columns.listed')
  }

  /** Removes what no question reads any more, and what a killed build left. */
  async sweep(): Promise<void> {
    await mkdir(join(this.#folder, 'tmp'), { recursive: true })
    const expired = new Set(this.list.retired.filter(({ at }) => Date.now() - at > retiredMs).map(({ name }) => name))
    const known = new Set([...this.list.files, ...this.list.retired].map(({ name }) => name))
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name)
      const isLeft = name.endsWith('.part') || (name.endsWith('.parquet') && !known.has(name))
      if (isLeft || expired.has(name)) await rm(path, { force: true })
    }
    for (const name of await readdir(join(this.#folder, 'tmp'))) {
      const path = join(this.#folder, 'tmp', name)
      const age = Date.now() - (await stat(path).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs
      if (age > 24 * 3_600_000) await rm(path, { force: true, recursive: true })
    }
    if (expired.size === 0) return
    this.list = { ...this.list, retired: this.list.retired.filter(({ name }) => !expired.has(name)) }
    await writeColumnList(this.#folder, this.list)
  }
}
