/** Large bodies keep nobody waiting: each is read in steps, one body at a time, and what it holds is counted until its answer. */
import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { bytesAtOnce } from '../../../src/lib/core/in-turns.js'
import { type BodyType, readEvents } from '../../../src/lib/ingest/body/body.js'
import { readCollected } from '../../../src/lib/ingest/body/collect.js'
import { linesOf } from '../../../src/lib/ingest/records.js'
import { until } from '../../support/import/import-child.js'
import { withServing } from '../../support/serve/serving.js'

const mb = 1024 * 1024
const event = (n: number, more = '') =>
  `{"event_id":"00000000-0000-4000-8000-${String(n).padStart(12, '0')}","occurred_at":"2025-01-31","user_id":"u","event_type":"t"${more}}`
const many = (bytes: number, first = 0) => Array.from({ length: Math.ceil(bytes / 100) }, (_, n) => event(first + n))

/** How often others have a turn until the work is done. */
async function turnsIn(work: Promise<unknown>): Promise<number> {
  let turns = 0
  let isDone = false
  const done = work.finally(() => {
    isDone = true
  })
  while (!isDone) {
    await setImmediate()
    turns++
  }
  await done
  return turns
}

const events = many(4 * mb)
const long = `"${'x\\" '.repeat(mb)}"`
const nested = `[${'{"a":[1,"]"]},'.repeat(mb / 4)}5]`

test.each<[string, string, BodyType]>([
  ['an array', `[${events.join(',')}]`, 'json'],
  ['an envelope', `{"events":[${events.join(',\r\n')}]}`, 'json'],
  ['an envelope with what they share', `{"platform":"web","events":[${events.join(',')}]}`, 'json'],
  ['lines', events.join('\n'), 'ndjson'],
  ['one long text', `[{"a":${long}}]`, 'json'],
  ['one event of many brackets', `{"events":[{"a":${nested}}]}`, 'json'],
  ['nothing but rejects', `[${'1,'.repeat(mb / 4)}1]`, 'json'],
])('others have their turn while it is read: %s', async (_, text, type) => {
  const bytes = Buffer.from(text)
  const leastTurns = type === 'json' && text.length < mb ? 10 : Math.floor(bytes.length / bytesAtOnce)
  expect(await turnsIn(readEvents(bytes, type))).toBeGreaterThanOrEqual(leastTurns)
})

test('others have their turn while events of /collect are read, and while lines are made for the spool', async () => {
  const few = Array.from({ length: 5_000 }, (_, n) => event(n, `,"x":"${'x'.repeat(700)}"`))
  const bytes = Buffer.from(`{"events":[${few.join(',')}]}`)
  const steps = Math.floor(bytes.length / bytesAtOnce)
  expect(await turnsIn(readCollected(Buffer.from(bytes), { at: new Date() }))).toBeGreaterThanOrEqual(steps)
  const chunk = await readEvents(bytes, 'json')
  let made = 0
  for (const _ of linesOf(chunk)) made++
  expect(made).toBeGreaterThanOrEqual(steps - 1)
})

test('what is cut into steps is read as if it was not', async () => {
  for (let shift = 0; shift < 40; shift++) {
    const filling = 'x'.repeat(bytesAtOnce - 60 + shift)
    const one = `{"a":"${filling}\\\\\\"\\\\","b":[{"c":1.10},"\\u00e9",true],\r\n"d":{"e":null}}`
    const chunk = await readEvents(Buffer.from(`{"events":[${one}]}`), 'json')
    const copied = Buffer.concat([...chunk.copyData]).toString()
    expect(copied).toBe(`${one.replace(/[\r\n]/g, ' ')}\n`)
  }
})

test('bodies that arrive together stay within the budget, the others are told to come again and are taken then', () =>
  withServing({ bodyMemoryBytes: mb, rateLimit: 0 }, async ({ url }) => {
    const send = async (n: number) => {
      const body = `[${many(mb / 4, n * 100_000).join(',')}]`
      const answer = await fetch(`${url}/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      })
      await answer.text()
      return answer
    }
    const answers = await Promise.all(Array.from({ length: 16 }, (_, n) => send(n)))
    const refused = answers.flatMap((answer, n) => (answer.status === 503 ? [n] : []))
    expect(answers.filter(({ ok }) => ok).length).toBeGreaterThan(0)
    expect(refused.length).toBeGreaterThan(0)
    for (const n of refused) expect(answers[n]!.headers.get('retry-after')).toBe('1')
    expect(refused.length + answers.filter(({ ok }) => ok).length).toBe(16)
    for (const n of refused.slice(0, 2)) await until(async () => (await send(n)).ok)
  }))
