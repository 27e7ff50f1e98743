/**
 * What checks ask the database, each question once: in a transaction of its own, two checks that ask the same get the
 * same answer, and a base that is another check's window costs nothing.
 */

import { EaError } from '../../core/errors.js'
import type { Result } from '../../core/result.js'
import { isDay } from '../../core/time.js'
import type { Transaction } from '../../db/connect.js'
import { type RunStatOptions, runStatIn } from '../../stats/query/run-stat.js'
import type { Stat } from '../../stats/query/stat.js'
import type { Check } from '../file/check.js'
import { baseWindow, type DayWindow } from './base-windows.js'
import { type Clock, freshness, importQuality } from './data-quality.js'
import type { Imports } from './evaluation.js'

/** What was found for one check. */
export interface QueryResults {
  readonly answer: Result | undefined
  /** In the order of their windows; undefined for one that no events can be in. */
  readonly bases: readonly (Result | undefined)[]
  readonly baseWindows: readonly DayWindow[]
  readonly freshnessSeconds: number | null | undefined
  readonly imports: Imports | undefined
}

export class QueryCache {
  readonly #session: Transaction
  readonly #options: RunStatOptions
  readonly #answers = new Map<string, Promise<unknown>>()

  constructor(session: Transaction, options: RunStatOptions) {
    this.#session = session
    this.#options = options
  }

  /** @throws EaError `usage` for a question that cannot be asked of this data, such as a range that ends before it begins */
  async of({ stat, params, assertion }: Check): Promise<QueryResults> {
    const { subject, change } = assertion
    const none = { answer: undefined, bases: [], baseWindows: [], freshnessSeconds: undefined, imports: undefined }
    if (subject.kind === 'freshness') {
      const clock = params as Clock
      const key = ['freshness', clock.asOf, clock.tz]
      return { ...none, freshnessSeconds: await this.#once(key, () => freshness(this.#session, clock)) }
    }
    if (subject.kind !== 'column' || stat === undefined) {
      const { over } = subject as Exclude<typeof subject, { kind: 'column' }>
      return { ...none, imports: await this.#once(['imports', over], () => importQuality(this.#session, over)) }
    }
    const asked = await this.#ask(stat, params)
    const { from, to } = asked.meta as { from: string | null; to: string | null }
    if (change === undefined || from === null || to === null) return { ...none, answer: asked }
    const baseWindows = baseWindow(change, { from, to }, stat.range(params).grain)
    const bases: (Result | undefined)[] = []
    for (const window of baseWindows) {
      const moved = movedParams(stat, params, window)
      bases.push(moved && (await this.#ask(stat, moved)))
    }
    return { ...none, answer: asked, bases, baseWindows }
  }

  #ask(stat: Stat, params: Readonly<Record<string, unknown>>): Promise<Result> {
    return this.#once([stat.name, sorted(params)], () => runStatIn(this.#session, stat, { ...params }, this.#options))
  }

  #once<T>(key: unknown, ask: () => Promise<T>): Promise<T> {
    const text = JSON.stringify(key)
    const asked = (this.#answers.get(text) as Promise<T> | undefined) ?? ask()
    this.#answers.set(text, asked)
    return asked
  }
}

/** The parameters of the same question for another window, or undefined for days that no event can be on. */
export function movedParams(
  stat: Stat,
  params: Readonly<Record<string, unknown>>,
  { from, to }: DayWindow,
): Readonly<Record<string, unknown>> | undefined {
  if (!isDay(from) || !isDay(to)) return undefined
  const [first, last] = stat.range(params).names ?? ['from', 'to']
  return { ...params, [first]: from, [last]: to }
}

/** The order in which parameters were given makes no other question. */
function sorted(params: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(params).sort(([a], [b]) => (a < b ? -1 : 1))
}

/** Names the check of which a question cannot be asked. */
export function namedByCheck<T>({ name, place }: Check, ask: Promise<T>): Promise<T> {
  return ask.catch((error: unknown) => {
    if (!(error instanceof EaError) || !['usage', 'answer_too_large'].includes(error.code)) throw error
    const where = place === undefined ? '' : `${place.file}:${place.line}:${place.column}: `
    throw new EaError(error.code, `${where}${name}: ${error.message}`, {
      suggestions: error.suggestions,
      details: error.details,
      cause: error.cause,
    })
  })
}
