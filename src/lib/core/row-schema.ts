/**
 * What the rows of an answer hold, said once: types of the library, columns of tables, schemas of HTTP and what checks can
 * compare are all made of it.
 *
 * A cell is a zod schema that knows its kind. `.nullable()` says that a value may not be there yet, `.optional()` that some
 * parameters leave the column out.
 */
import * as z from 'zod'
import type { Cell, Column, ColumnKind } from './result.js'

/** The cells of a row by the names of their columns. */
export type RowSchema = z.ZodObject<Readonly<Record<string, z.ZodType<Cell | undefined>>>>

interface CellMeta {
  /** Of several kinds the parameters choose one; the first is the default. */
  readonly kinds: readonly ColumnKind[]
  readonly unit?: string
}

// A registry, because it knows what a schema was before it was described.
const known = z.registry<CellMeta>()

/** A cell of any other type. */
export function cell<T extends z.ZodType>(schema: T, unit: string | undefined, ...kinds: ColumnKind[]): T {
  known.add(schema as z.ZodType, unit === undefined ? { kinds } : { kinds, unit })
  return schema
}

const number = () => z.number().nonnegative()

/** A day. */
export const date = () => cell(z.iso.date(), undefined, 'date')
/** A day, or for windows of an hour the instant at which it begins. */
export const dateOrInstant = () =>
  cell(z.union([z.iso.date(), z.iso.datetime({ offset: true })]), undefined, 'date', 'instant')
export const instant = () => cell(z.iso.datetime(), undefined, 'instant')
export const text = () => cell(z.string(), undefined, 'text')
/** JSON: a text in the library, as JSON what it says. */
export const jsonText = () => cell(z.unknown() as unknown as z.ZodType<string>, undefined, 'json')
export const flag = () => cell(z.boolean(), undefined, 'flag')
/** @param unit what is counted: `users`, `events`; without, the number is a name, such as that of a step */
export const count = (unit?: string) => cell(z.int().nonnegative(), unit, 'count')
/** From 0 to 1. */
export const rate = () => cell(number().max(1), undefined, 'rate')
/**
 * A number with all its digits. One that a number of JavaScript cannot hold is a text of digits in the library; as JSON it is
 * a number, too.
 */
export const decimal = (unit?: string, ...kinds: ColumnKind[]) =>
  cell(z.number() as unknown as z.ZodType<number | string>, unit, ...(kinds.length === 0 ? ['number' as const] : kinds))
export const bytes = () => cell(z.int().nonnegative(), undefined, 'bytes')
export const seconds = () => cell(number(), undefined, 'seconds')
/** Lists have an element for each window, null where it has not begun. */
export const counts = (unit: string) => cell(z.array(z.int().nonnegative().nullable()), unit, 'counts')
export const rates = () => cell(z.array(number().max(1).nullable()), undefined, 'rates')
export const flags = () => cell(z.array(z.boolean()), undefined, 'flags')

/** What some parameters change about the columns. */
export interface ColumnChoice {
  /** Columns that are not shown. */
  readonly without?: readonly string[]
  /** Of columns with several kinds, the one that holds. */
  readonly kinds?: Readonly<Record<string, ColumnKind>>
  readonly units?: Readonly<Record<string, string>>
  /** Columns that the parameters name, in place of one of the row. */
  readonly instead?: Readonly<Record<string, readonly Column[]>>
}

/**
 * The columns of a row, in its order.
 *
 * @example
 * columnsOf(z.object({ date: date(), users: count('users').nullable() }))
 * // [{ name: 'date', kind: 'date' }, { name: 'users', kind: 'count', unit: 'users' }]
 */
export function columnsOf(row: z.ZodObject, choice: ColumnChoice = {}): Column[] {
  const { without = [], kinds = {}, units = {}, instead = {} } = choice
  return Object.entries(row.shape)
    .filter(([name]) => !without.includes(name))
    .flatMap(([name, schema]) => {
      if (instead[name] !== undefined) return instead[name]
      const meta = known.get(coreOf(schema as z.ZodType))
      if (meta === undefined) throw new Error(`the column ${name} is not made of a cell`)
      const unit = units[name] ?? meta.unit
      return { name, kind: kinds[name] ?? meta.kinds[0]!, ...(unit === undefined ? {} : { unit }) }
    })
}

/** The cell itself, whether or not it can be null or left out. */
function coreOf(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodNullable || schema instanceof z.ZodOptional
    ? coreOf(schema.unwrap() as z.ZodType)
    : schema
}
