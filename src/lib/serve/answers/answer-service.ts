/**
 * Answers to questions, each computed once for as long as it stays true. An answer is kept by the version of the data,
 * the question, and the stretch of time in which the clock cannot change it; what is kept are the bytes that go out.
 */
import { createHash, type Hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { EaError } from '../../core/errors.js'
import { inTurns, type Steps } from '../../core/in-turns.js'
import type { Result } from '../../core/result.js'
import type { Database } from '../../db/connect.js'
import { chartSvg, standaloneSvg } from '../../present/svg/chart.js'
import { drillDown } from '../../stats/query/drill-down.js'
import { snake } from '../../stats/query/params.js'
import { runStat } from '../../stats/query/run-stat.js'
import { type AnswerFormat, renderWire } from '../http/negotiate.js'
import { type DataMoment, momentReader } from './cached-version.js'
import { Semaphore } from './semaphore.js'
import { SingleFlight } from './single-flight.js'
import type { Question } from './stat-query.js'

export interface AnswersOptions {
  /** How long a question may take in the database, and how long it may wait for its turn, in milliseconds. */
  readonly queryTimeoutMs: number
  /** Of all answers that are kept, in bytes. */
  readonly maxBytes?: number
  /** Takes the place of the database's clock: ISO in UTC. */
  readonly clock?: () => string
}

const defaultMaxBytes = 64 * 1024 * 1024

interface WireAnswer {
  /** The second for which it holds, where events of the future wait for their time. */
  readonly second?: string
  /** With its quotes. Answers that differ in more than `as_of` have different ones. */
  readonly etag: string
  readonly body: Buffer
  /** Where the next page of a list begins. */
  readonly nextCursor?: string
  /** What JSON does not hold of the Result. */
  readonly beside?: Omit<Result, 'metric' | 'data' | 'meta'> & { readonly numbers: number }
}

interface Answered extends WireAnswer {
  /** Whether it had been computed before. */
  readonly cache: 'hit' | 'miss'
}

/** Who asks, and until when; both are asked for only when the answer has to be computed. */
interface Asker {
  /** As `senderOf` names them. */
  sender(): string
  signal(): AbortSignal
}

/** Answers a question in a format. */
export type AnswerQuestion = (question: Question, format: AnswerFormat, asker: Asker) => Promise<Answered>

/** How many turns one sender holds at most: what it asks must not keep all others waiting. */
const turnsPerSender = 2

/**
 * What answers questions over one database.
 *
 * @returns a function that throws EaError `usage`, `query_timeout` and `server_busy`
 * @example
 * const answerQuestion = openAnswerService(db, { queryTimeoutMs: 30_000 })
 * const { etag, body } = await answerQuestion(question, 'json', { sender: () => 'address 10.0.0.5', signal: () => signal })
 */
export function openAnswerService(db: Database, options: AnswersOptions): AnswerQuestion {
  const readMoment = momentReader(db, options.clock)
  const kept = answerCache<WireAnswer>(options.maxBytes ?? defaultMaxBytes)
  const underWay = new SingleFlight<WireAnswer>()
  // The other connections are for events that come in, and for versions.
  const turns = new Semaphore({
    maxAtOnce: Math.max(1, Math.floor((db.pool.options.max ?? 10) / 2)),
    maxPerSender: turnsPerSender,
    maxWaitMs: options.queryTimeoutMs,
  })
  let newest = 0

  return async (question, format, asker) => {
    const moment = await readMoment()
    if (moment.version !== newest) {
      // What was kept for an older version is of no use to anybody.
      kept.clear()
      newest = moment.version
    }
    const keyOf = (form: string) => `${moment.version} ${stretchOf(question, moment.now)} ${form} ${question.key}`
    const key = keyOf(format === 'svg' ? `svg ${JSON.stringify(question.drawing)}` : format)
    const stillKept = (name: string) => holdsAt(moment.now, kept.get(name))
    const known = stillKept(key)
    if (known !== undefined) return { ...known, cache: 'hit' }
    const computed = await underWay.do(key, asker.signal(), (everybodyLeft) =>
      turns.take(asker.sender(), everybodyLeft, async () => {
        const result =
          (format === 'svg' ? asResult(stillKept(keyOf('json'))) : undefined) ??
          (await resultOf(db, question, moment, { ...options, signal: everybodyLeft }))
        const answer = {
          ...(await toWire(result, format, question, moment.version)),
          ...(waitsForEvents(question, result) ? { second: secondOf(moment.now) } : {}),
        }
        if (moment.version === newest) kept.set(key, answer)
        return answer
      }),
    )
    return { ...computed, cache: 'miss' }
  }
}

function secondOf(now: string): string {
  return now.slice(0, 19)
}

/** The answer, unless it held for another second than that of now. */
function holdsAt(now: string, answer: WireAnswer | undefined): WireAnswer | undefined {
  return answer?.second === undefined || answer.second === secondOf(now) ? answer : undefined
}

/** Whether there are events whose time is yet to come: each counts from then on, at any second. */
function waitsForEvents({ params }: Question, { meta }: Result): boolean {
  return (params as { asOf?: string }).asOf === undefined && meta.hides_later_events === true
}

/** Names the time in which an answer stays as it is, unless the data changes. */
function stretchOf({ stat, params }: Question, now: string): string {
  const { asOf } = params as { asOf?: string }
  // A day, a month, a year or an instant; `-7d` and `today` move.
  if (asOf !== undefined && /^\d/.test(asOf)) return 'always'
  const date = new Date(now)
  if (asOf === undefined && stat.isTimeSensitive?.(params, date)) return secondOf(now)
  // Days and hours begin at quarters of an hour in all zones of today, and have not begun yet at that very instant.
  const isOnTheDot = date.getTime() % quarterMs === 0 && !/[1-9]/.test(now.slice(20))
  return `${Math.floor(date.getTime() / quarterMs)}${isOnTheDot ? ' on the dot' : ''}`
}

const quarterMs = 15 * 60_000

function resultOf(
  db: Database,
  { stat, given, params, cell, page }: Question,
  { now }: DataMoment,
  { queryTimeoutMs, signal }: { queryTimeoutMs: number; signal: AbortSignal },
): Promise<Result> {
  const options = { signal, timeoutMs: queryTimeoutMs, spell: snake }
  const at = params.asOf === undefined ? { ...given, asOf: now } : given
  return cell === undefined ? runStat(db, stat, at, options) : drillDown(db, stat, at, cell, { ...options, page })
}

/** Who wants a chart has just read the numbers: an answer that is kept as JSON is drawn without asking again. */
function asResult(kept: WireAnswer | undefined): Result | undefined {
  if (kept?.beside === undefined) return undefined
  const { numbers, ...beside } = kept.beside
  // Before it is read: that takes long, too.
  requireDrawable(numbers)
  const read = JSON.parse(kept.body.toString()) as Pick<Result, 'metric' | 'data' | 'meta'>
  return { ...read, ...beside }
}

async function toWire(
  result: Result,
  format: AnswerFormat,
  { drawing }: Question,
  version: number,
): Promise<WireAnswer> {
  const { as_of: _, ...meta } = result.meta
  const body = format === 'svg' ? await drawn(result, drawing) : await renderWire(result, format)
  const hash = createHash('sha256').update(`${version} ${format}\n`)
  if (format === 'json') await inTurns(hashRows(hash, result.data))
  hash.update(format === 'json' ? JSON.stringify([result.metric, meta]) : body)
  const { metric: _metric, data: _data, meta: _meta, ...unwritten } = result
  const beside = format === 'json' ? { beside: { ...unwritten, numbers: numbersOf(result) } } : {}
  const next = result.meta.next_cursor as string | undefined
  return { etag: `"${hash.digest('base64url')}"`, body, ...beside, ...(next === undefined ? {} : { nextCursor: next }) }
}

/** So many rows are hashed before other requests have their turn; a row of a retention is long. */
const rowsAtOnce = 100

function* hashRows(hash: Hash, rows: Result['data']): Steps<void> {
  for (let from = 0; from < rows.length; from += rowsAtOnce) {
    if (from > 0) yield
    hash.update(JSON.stringify(rows.slice(from, from + rowsAtOnce)))
  }
}

/** More numbers are no picture any more. */
const drawnMost = 20_000

function requireDrawable(numbers: number): void {
  if (numbers <= drawnMost) return
  throw new EaError(
    'answer_too_large',
    `A chart has ${drawnMost} numbers at most, and this one would have ${numbers}.`,
    {
      suggestions: ['Ask for longer windows or a shorter range, or for the numbers: format=csv.'],
    },
  )
}

function numbersOf({ columns, data }: Result): number {
  return data.length * Math.max(...columns.map(({ name }) => [data[0]?.[name]].flat().length))
}

async function drawn(result: Result, { width, colors }: Question['drawing']): Promise<Buffer> {
  requireDrawable(numbersOf(result))
  const svg = await chartSvg(result, { width })
  return Buffer.from(colors === 'variables' ? svg : standaloneSvg(svg))
}

/** What a key and the books about an entry cost beside its body, roughly. */
const entryOverheadBytes = 500

/**
 * An empty cache; an entry that would push out most of the others is not kept.
 *
 * @param maxBytes of all bodies and what it takes to keep them
 */
export function answerCache<T extends { readonly body: Buffer }>(maxBytes: number): LRUCache<string, T> {
  return new LRUCache({
    // 0 would mean that there is no limit.
    maxSize: Math.max(1, maxBytes),
    maxEntrySize: Math.max(1, Math.floor(maxBytes / 2)),
    sizeCalculation: ({ body }, key) => body.length + 2 * key.length + entryOverheadBytes,
  })
}
