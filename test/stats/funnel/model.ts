/**
 * A funnel as its definition reads: every chain of events is tried, every rule is checked on whole chains, nothing is
 * clever. Only for a few events.
 */
import { createHash } from 'node:crypto'

export interface ModelEvent {
  readonly id: string
  /** Milliseconds of the epoch. */
  readonly time: number
  readonly user: string
  readonly type: string
  readonly kind: string
}

/** `a`, or `a[properties.kind:p]`. */
export interface ModelSelector {
  readonly type: string
  readonly kind?: string
}

export interface ModelQuestion {
  readonly steps: readonly ModelSelector[]
  readonly order: 'ordered' | 'strict' | 'unordered'
  readonly windowMs: number
  readonly exclusions: readonly { readonly selector: ModelSelector; readonly after: number; readonly before: number }[]
  /** Whether an event is of the segments. */
  readonly counts: (event: ModelEvent) => boolean
  /** Whether an attempt may begin with it. */
  readonly starts: (event: ModelEvent) => boolean
}

export interface ModelAttempt {
  readonly depth: number
  readonly times: readonly number[]
}

export function selectorText({ type, kind }: ModelSelector): string {
  return kind === undefined ? type : `${type}[properties.kind:${kind}]`
}

export function matches({ type, kind }: ModelSelector, event: ModelEvent): boolean {
  return event.type === type && (kind === undefined || event.kind === kind)
}

function comesBefore(a: ModelEvent, b: ModelEvent): boolean {
  return a.time < b.time || (a.time === b.time && a.id < b.id)
}

/** The best attempt of each user who has one. */
export function bestAttempts(events: readonly ModelEvent[], question: ModelQuestion): Map<string, ModelAttempt> {
  const best = new Map<string, ModelAttempt>()
  for (const user of new Set(events.map((event) => event.user))) {
    const own = events.filter((event) => event.user === user && question.counts(event))
    own.sort((a, b) => (comesBefore(a, b) ? -1 : 1))
    for (const chain of chainsOf(own, question)) {
      if (!isValid(chain, own, question)) continue
      const attempt = { depth: chain.length, times: chain.map(({ time }) => time) }
      const known = best.get(user)
      if (known === undefined || isBetter(attempt, known)) best.set(user, attempt)
    }
  }
  return best
}

/** Users who have an attempt that may go on: it is valid, its window is open, and a strict one ends with the last event. */
export function usersWithOpenAttempt(
  events: readonly ModelEvent[],
  question: ModelQuestion,
  asOf: number,
): Set<string> {
  const found = new Set<string>()
  for (const user of new Set(events.map((event) => event.user))) {
    const own = events.filter((event) => event.user === user && question.counts(event))
    own.sort((a, b) => (comesBefore(a, b) ? -1 : 1))
    for (const chain of chainsOf(own, question)) {
      const isOpen = chain[0]!.time + question.windowMs >= asOf && chain.length < question.steps.length
      const canGoOn = question.order !== 'strict' || chain.at(-1) === own.at(-1)
      if (isOpen && canGoOn && isClean(chain, own, question)) found.add(user)
    }
  }
  return found
}

function isBetter(a: ModelAttempt, b: ModelAttempt): boolean {
  if (a.depth !== b.depth) return a.depth > b.depth
  const differs = a.times.findIndex((time, index) => time !== b.times[index])
  return differs >= 0 && a.times[differs]! < b.times[differs]!
}

/** Every chain, whatever lies between its events. */
function* chainsOf(own: readonly ModelEvent[], question: ModelQuestion): Generator<ModelEvent[]> {
  for (const [index, start] of own.entries()) {
    if (!question.starts(start)) continue
    const inWindow = own.filter(({ time }) => time >= start.time && time <= start.time + question.windowMs)
    if (question.order === 'unordered') {
      yield* setsFrom([], [start, ...inWindow.filter((event) => comesBefore(start, event))], [[]], question)
    } else if (question.order === 'strict') {
      const chain: ModelEvent[] = []
      for (const [step, selector] of question.steps.entries()) {
        const event = own[index + step]
        if (event === undefined || !inWindow.includes(event) || !matches(selector, event)) break
        chain.push(event)
        yield [...chain]
      }
    } else if (matches(question.steps[0]!, start)) {
      yield* continued([start], inWindow, question)
    }
  }
}

function* continued(
  chain: ModelEvent[],
  inWindow: readonly ModelEvent[],
  question: ModelQuestion,
): Generator<ModelEvent[]> {
  yield chain
  const selector = question.steps[chain.length]
  if (selector === undefined) return
  for (const event of inWindow) {
    const isLater = event.time >= chain.at(-1)!.time && !chain.includes(event)
    if (isLater && matches(selector, event)) yield* continued([...chain, event], inWindow, question)
  }
}

/** Sets of events that begin with the first of `rest` or with `chain`, and the ways to give each a step of its own. */
function* setsFrom(
  chain: ModelEvent[],
  rest: readonly ModelEvent[],
  ways: readonly (readonly number[])[],
  question: ModelQuestion,
): Generator<ModelEvent[]> {
  const [event, ...others] = rest
  if (event === undefined) return
  const longer = ways.flatMap((way) =>
    question.steps.flatMap((selector, step) =>
      matches(selector, event) && !way.includes(step) ? [[...way, step].sort()] : [],
    ),
  )
  const distinct = [...new Map(longer.map((way) => [way.join(), way])).values()]
  if (distinct.length > 0) {
    yield [...chain, event]
    yield* setsFrom([...chain, event], others, distinct, question)
  }
  if (chain.length > 0) yield* setsFrom(chain, others, ways, question)
}

function isValid(chain: readonly ModelEvent[], own: readonly ModelEvent[], question: ModelQuestion): boolean {
  return (question.order === 'unordered' && chain.length === 1) || isClean(chain, own, question)
}

/** Whether no excluded event lies where it must not. */
function isClean(chain: readonly ModelEvent[], own: readonly ModelEvent[], question: ModelQuestion): boolean {
  return question.exclusions.every(({ selector, after, before }) => {
    const from = chain[after - 1]
    const to = chain[before - 1]
    if (from === undefined) return true
    const windowEnd = chain[0]!.time + question.windowMs
    return !own.some(
      (event) =>
        matches(selector, event) &&
        comesBefore(from, event) &&
        (to === undefined ? event.time <= windowEnd : comesBefore(event, to)),
    )
  })
}

export interface ModelRow {
  readonly users: number
  readonly median: number | null
  readonly mean: number | null
}

/** The rows of the answer. */
export function rowsOf(best: ReadonlyMap<string, ModelAttempt>, stepCount: number): ModelRow[] {
  return Array.from({ length: stepCount }, (_, step) => {
    const reached = [...best.values()].filter(({ depth }) => depth > step)
    if (step === 0 || reached.length === 0) return { users: reached.length, median: null, mean: null }
    const seconds = reached.map(({ times }) => (times[step]! - times[step - 1]!) / 1000).sort((a, b) => a - b)
    const middle = (seconds[Math.floor((seconds.length - 1) / 2)]! + seconds[Math.ceil((seconds.length - 1) / 2)]!) / 2
    return { users: reached.length, median: middle, mean: seconds.reduce((sum, one) => sum + one) / seconds.length }
  })
}

/** A uuid that belongs to a number, in no order that anybody could mistake for that of time. */
export function uuidFrom(number: number): string {
  const hex = createHash('md5').update(String(number)).digest('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
