/**
 * What clients of the server send under load, made from a seed, and what must be true of the database afterwards: every
 * event that was answered for is stored once, and nothing else is.
 */
import { sql } from 'kysely'
import { expect } from 'vitest'
import type { Database } from '../../src/lib/db/connect.js'
import { Random } from '../../src/lib/generate/random.js'
import { spoolStatus } from '../../src/lib/ingest/spool/status.js'
import { until } from '../support/import/import-child.js'
import { uuidOf } from '../support/import/import-data.js'
import { expectSound } from '../support/import/import-state.js'
import type { LoadAnswer, LoadRequest } from '../support/serve/load.js'

/** An event as it was sent; `content` differs for each. */
export interface SentEvent {
  readonly id: number
  readonly content: number
  readonly isBroken: boolean
}

export interface Sent {
  readonly events: readonly SentEvent[]
}

export interface SendingPlan {
  readonly seed: number
  /** The ids of a request begin here; below are those that several requests fight for. */
  readonly firstId?: number
  /** How many ids are fought for: every fourth request with one event takes one of them. Default 0. */
  readonly contested?: number
  /** Percent of the requests that bring 50 events, sometimes one of them broken. Default 12. */
  readonly large?: number
  /** Percent of the requests whose client gives up and sends them again. Default 0. */
  readonly impatient?: number
  readonly headers?: Readonly<Record<string, string>>
}

/** Makes requests, one after the other, the same ones for the same seed. */
export class Sending {
  /** All that was ever sent, also what nobody has answered. */
  readonly sent: SentEvent[] = []
  readonly #random: Random
  readonly #plan: SendingPlan
  #nextId: number

  constructor(plan: SendingPlan) {
    this.#plan = plan
    this.#random = new Random(plan.seed, 5)
    this.#nextId = plan.firstId ?? 1_000_000
  }

  next(): LoadRequest<Sent> {
    const { contested = 0, large = 12, impatient = 0, headers } = this.#plan
    const random = this.#random
    const isLarge = random.below(100) < large
    const events: SentEvent[] = []
    for (let n = 0; n < (isLarge ? 50 : 1); n++) {
      const isContested = !isLarge && contested > 0 && random.below(4) === 0
      const id = isContested ? random.below(contested) : this.#nextId++
      const event = { id, content: this.sent.length, isBroken: n === 17 && this.#nextId % 5 === 0 }
      events.push(event)
      this.sent.push(event)
    }
    return {
      about: { events },
      body: JSON.stringify(events.map(bodyOf)),
      ...(headers && { headers }),
      ...(random.below(100) < impatient && { givesUpAfterMs: 5 + random.below(30) }),
    }
  }
}

function bodyOf({ id, content, isBroken }: SentEvent): Record<string, unknown> {
  return {
    event_id: uuidOf(id),
    occurred_at: `2025-03-${String(1 + (content % 9)).padStart(2, '0')}T10:00:00Z`,
    user_id: isBroken ? '' : `u${content % 53}`,
    event_type: ['view', 'click', 'purchase'][content % 3],
    properties: { content },
  }
}

/** Waits until a spool has been drained, and checks that nothing of it became a dead letter. */
export async function untilDrained(spoolDir: string): Promise<void> {
  await until(async () => (await spoolStatus(spoolDir)).requests === 0)
  expect((await spoolStatus(spoolDir)).deadLetters).toEqual([])
}

/**
 * Checks the database against what clients sent and were answered.
 *
 * @param db nobody may write to it meanwhile
 * @param sent everything that was sent, answered or not
 * @param contents of ids that came another way, such as a file: what may be stored for an id besides
 */
export async function expectKept(
  db: Database,
  sent: readonly SentEvent[],
  answers: readonly LoadAnswer<Sent>[],
  contents: ReadonlyMap<number, number> = new Map(),
): Promise<void> {
  const stored = await storedContents(db)
  const sentOf = new Map<number, Set<number>>()
  for (const { id, content, isBroken } of sent) {
    if (!isBroken) sentOf.set(id, (sentOf.get(id) ?? new Set()).add(content))
  }
  const strangers = [...stored].filter(([id, content]) => !sentOf.get(id)?.has(content) && contents.get(id) !== content)
  expect(strangers).toEqual([])
  const kept = answers.filter(({ status }) => [200, 202, 207].includes(status))
  const missing = kept.flatMap(({ about }) => about.events.filter(({ id, isBroken }) => !isBroken && !stored.has(id)))
  expect(missing).toEqual([])
  expect(falselyInserted(kept, stored)).toEqual([])
  expect(outOfOrder(kept, stored)).toEqual([])
  await expectSound(db)
}

/** The content that is stored for each id. */
async function storedContents(db: Database): Promise<Map<number, number>> {
  const { rows } = await sql<{ id: string; content: number }>`
    SELECT event_id::text AS id, (properties->>'content')::int AS content FROM ${db.t.events}`.execute(db.q)
  return new Map(rows.map(({ id, content }) => [Number.parseInt(id.slice(-12), 16), content]))
}

/** Single events whose client was told that they are stored, while another content is. */
function falselyInserted(answers: readonly LoadAnswer<Sent>[], stored: ReadonlyMap<number, number>): SentEvent[] {
  return answers.flatMap(({ about: { events }, body, status }) => {
    const [only] = events
    const isInserted =
      status === 200 && events.length === 1 && (JSON.parse(body) as { inserted: number }).inserted === 1
    return isInserted && stored.get(only!.id) !== only!.content ? [only!] : []
  })
}

/** The content of an id must be that of a request to which no other one, sent after its answer, is preferred. */
function outOfOrder(answers: readonly LoadAnswer<Sent>[], stored: ReadonlyMap<number, number>): SentEvent[] {
  const firstAnswerMs = new Map<number, number>()
  for (const { about, answeredMs } of answers) {
    for (const { id, isBroken } of about.events) {
      if (!isBroken) firstAnswerMs.set(id, Math.min(answeredMs, firstAnswerMs.get(id) ?? Number.POSITIVE_INFINITY))
    }
  }
  return answers.flatMap(({ about, sentMs }) =>
    about.events.filter(
      ({ id, content, isBroken }) => !isBroken && stored.get(id) === content && sentMs > firstAnswerMs.get(id)!,
    ),
  )
}
