/** Numbers, rates and times as people read them: as the tables of `ea` write them, with a dash for what there is not. */
import type { ColumnKind } from '../../../core/result.js'
import { human, type Scalar } from '../../../present/tables/cell-text.js'

/** A value as text. */
export function cellText(value: Scalar | undefined, kind: ColumnKind): string {
  return value === null || value === undefined ? '–' : human(value, kind, true)
}

export const count = (value: number | null | undefined): string => cellText(value, 'count')
export const rate = (value: number | null | undefined): string => cellText(value, 'rate')

/** An instant of the server, in UTC, to the minute. */
export function instant(text: string | null): string {
  return text === null ? '–' : `${text.slice(0, 10)} ${text.slice(11, 16)} UTC`
}

/** `1 user`, `2 users`. */
export function plural(number: number, one: string, many = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : many}`
}
