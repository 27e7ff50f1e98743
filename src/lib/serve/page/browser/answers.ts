/** What the server answers, as the stats themselves say it: a column or a parameter that is misspelt does not compile. */
import type { z } from 'zod'
import type { ListedBatch } from '../../../batches/batch.js'
import type { dauStat } from '../../../stats/dau.js'
import type { funnelStat } from '../../../stats/funnel.js'
import type { lifecycleStat } from '../../../stats/lifecycle.js'
import type { mauStat } from '../../../stats/mau.js'
import type { Snake } from '../../../stats/query/meta.js'
import type { Answer } from '../../../stats/query/stat.js'
import type { retentionStat } from '../../../stats/retention.js'
import type { stickinessStat } from '../../../stats/stickiness.js'
import type { topEventsStat } from '../../../stats/top-events.js'
import type { trendStat } from '../../../stats/trend.js'
import type { wauStat } from '../../../stats/wau.js'

interface Stats {
  readonly dau: typeof dauStat
  readonly wau: typeof wauStat
  readonly mau: typeof mauStat
  readonly trend: typeof trendStat
  readonly 'top-events': typeof topEventsStat
  readonly retention: typeof retentionStat
  readonly funnel: typeof funnelStat
  readonly lifecycle: typeof lifecycleStat
  readonly stickiness: typeof stickinessStat
}

export type StatName = keyof Stats

/** The JSON of a stat's answer. */
export type StatAnswer<N extends StatName> = Pick<Answer<Stats[N]>, 'metric' | 'data' | 'meta'>

type Texts = string | number | readonly string[]

/** What a stat can be asked with, as the query of an address. */
export type ParamsOf<N extends StatName> = {
  readonly [P in keyof z.input<Stats[N]['params']> as Snake<P & string>]?: Texts | undefined
}

/** The query of any stat. */
export type AnyParams = Readonly<Record<string, Texts | undefined>>

/** What every answer has, whatever its stat. */
export interface AnyAnswer {
  readonly data: readonly object[]
  readonly meta: StatAnswer<'dau'>['meta'] & { readonly window_type?: string }
}

/** The users behind a number. */
export interface UsersAnswer {
  readonly data: readonly { readonly user_id: string }[]
  readonly meta: { readonly users_of: string; readonly next_cursor?: string }
}

/** `GET /stats`. */
export interface StatList {
  readonly data: readonly Readonly<Record<'name' | 'summary' | 'params' | 'columns', string>>[]
}

/** `GET /batches`. */
export interface BatchList {
  readonly data: readonly ListedBatch[]
  readonly meta: { readonly more: boolean }
}

/** `GET /batches/ID/rejects`. */
export interface RejectList {
  readonly data: readonly {
    readonly record: number
    readonly line: number
    readonly code: string
    readonly detail: string | null
    readonly text: string
  }[]
}

/** What was probably meant by a text that is misspelt. */
export interface Correction {
  readonly parameter: string
  readonly given: string
  readonly meant: string
}

/** An answer that is none (RFC 9457). */
export interface Problem {
  readonly status: number
  readonly detail: string
  readonly suggestions?: readonly string[]
  readonly code?: string
  readonly instance?: string
  readonly corrections?: readonly Correction[]
  /** In seconds, as the header says. */
  readonly retryAfter?: number
}
