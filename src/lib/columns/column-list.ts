/**
 * The list of a column store: `columns.json` in its folder, which names its Parquet files and says which batches are in each.
 * A file that the list does not name is not part of the store. The list is replaced as a whole; without it there is no store.
 *
 * docs/decisions/columns.md describes the folder for other tools.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { writeDurably } from '../os/durable-files.js'

const fileBatch = z.object({
  id: z.number(),
  /** The batch as it was: it has this version as long as no event comes to it and none is removed. */
  version: z.string(),
  /** How many events of it are in this file; a large batch is in several. */
  rows: z.number(),
})

const fileProperty = z.object({
  path: z.array(z.string()),
  /**
   * What its values are as numbers. `exact`: all that are numbers have at most 15 digits, so that doubles compare as they
   * do. `inexact`: only PostgreSQL compares them. `none`: no value is a number.
   */
  numbers: z.enum(['none', 'exact', 'inexact']),
})

const columnFile = z.object({
  name: z.string().regex(/^[0-9a-z-]+\.parquet$/),
  rows: z.number(),
  bytes: z.number(),
  sha256: z.string(),
  properties: z.array(fileProperty),
  batches: z.array(fileBatch),
})
export type ColumnFile = z.output<typeof columnFile>

const columnList = z.object({
  format: z.literal(1),
  /** The properties that new files contain. */
  properties: z.array(z.array(z.string())),
  files: z.array(columnFile),
  /** Files that a question may still be reading, and when (ms since 1970) they were taken out. */
  retired: z.array(z.object({ name: z.string(), at: z.number() })),
})
export type ColumnList = z.output<typeof columnList>

const listPath = (folder: string) => join(folder, 'columns.json')

/**
 * The list of a folder; undefined when there is no store.
 *
 * @throws an error for a list that cannot be read or understood
 */
export async function readColumnList(folder: string): Promise<ColumnList | undefined> {
  const text = await readFile(listPath(folder), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  return text === undefined ? undefined : columnList.parse(JSON.parse(text))
}

export async function writeColumnList(folder: string, list: ColumnList): Promise<void> {
  await writeDurably(listPath(folder), [Buffer.from(JSON.stringify(list))])
}

/** The name of a property in a file. */
export const columnName = (path: readonly string[]) => JSON.stringify(path)
/** The name of its numbers, as doubles. */
export const numberColumnName = (path: readonly string[]) => `number of ${JSON.stringify(path)}`

export const isSameProperty = (one: readonly string[], other: readonly string[]) =>
  one.length === other.length && one.every((key, index) => key === other[index])
