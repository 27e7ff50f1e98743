/** The column store as somebody asks for it: which properties it has, what is in it, and its end. */
import { mkdir, rm } from 'node:fs/promises'
import { sql } from 'kysely'
import { EaError } from '../core/errors.js'
import type { Database, Session } from '../db/connect.js'
import { type ColumnList, isSameProperty, readColumnList, writeColumnList } from './column-list.js'
import { coverageOf, readVisibleBatches } from './visible-batches.js'

/** With `auto` the properties that most events have, at most so many, each in at least this share of those looked at. */
const autoMax = 20
const autoShare = 0.05
const autoEvents = 10_000

/** Makes a column store where there is none, and adds properties to one that is there; files follow by `buildColumns`. */
export async function addColumns(
  db: Database,
  properties: readonly (readonly string[])[] | 'auto',
): Promise<readonly (readonly string[])[]> {
  const folder = folderOf(db)
  await mkdir(folder, { recursive: true })
  const list = (await readColumnList(folder)) ?? { format: 1, properties: [], files: [], retired: [] }
  const wanted = properties === 'auto' ? await commonProperties(db) : properties
  const added = wanted.filter((path, index) => {
    const isThere = [...list.properties, ...wanted.slice(0, index)].some((kept) => isSameProperty(kept, path))
    return !isThere
  })
  await writeColumnList(folder, { ...list, properties: [...list.properties, ...added.map((path) => [...path])] })
  return [...list.properties, ...added]
}

/** Removes the column store; false when there was none. */
export async function removeColumns(db: Database): Promise<boolean> {
  const folder = folderOf(db)
  const isThere = (await readColumnList(folder).catch(() => true)) !== undefined
  await rm(folder, { recursive: true, force: true })
  return isThere
}

export interface ColumnsState {
  readonly folder: string
  readonly list: ColumnList
  /** Visible events that are in a file, and that are not. */
  readonly events: number
  readonly tailEvents: number
}

/** What is in the column store; undefined when there is none. */
export async function columnsState(db: Database): Promise<ColumnsState | undefined> {
  const folder = folderOf(db)
  const list = await readColumnList(folder)
  if (list === undefined) return undefined
  const visible = await readVisibleBatches(db)
  const { tail } = coverageOf(list.files, visible)
  const sum = (batches: readonly { events: number }[]) => batches.reduce((total, { events }) => total + events, 0)
  return { folder, list, events: sum(visible) - sum(tail), tailEvents: sum(tail) }
}

function folderOf({ columnsFolder }: Pick<Session, 'columnsFolder'>): string {
  if (columnsFolder !== undefined) return columnsFolder
  throw new EaError('usage', 'There is no folder for a column store.', { suggestions: ['Name one: --data-dir.'] })
}

/** Keys whose values are no objects or lists and that many events have, the most frequent first. */
async function commonProperties({ q, t }: Session): Promise<string[][]> {
  const { rows } = await sql<{ key: string }>`
    WITH looked_at AS (SELECT properties FROM ${t.events} LIMIT ${autoEvents})
    SELECT key FROM looked_at CROSS JOIN LATERAL jsonb_each(properties) AS property (key, value)
     WHERE jsonb_typeof(value) IN ('string', 'number', 'boolean')
     GROUP BY key HAVING count(*) >= ${autoShare}::float8 * (SELECT count(*) FROM looked_at)
     ORDER BY count(*) DESC, key COLLATE "C" LIMIT ${autoMax}`.execute(q)
  return rows.map(({ key }) => [key])
}
