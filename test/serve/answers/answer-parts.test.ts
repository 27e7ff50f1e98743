/** The parts of which kept answers are made: the bounded cache, shared reads and work, turns. */
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { answerCache } from '../../../src/lib/serve/answers/answer-service.js'
import { shared } from '../../../src/lib/serve/answers/cached-version.js'
import { Semaphore } from '../../../src/lib/serve/answers/semaphore.js'
import { SingleFlight } from '../../../src/lib/serve/answers/single-flight.js'
import { renderWire } from '../../../src/lib/serve/http/negotiate.js'
import type { QueryContext } from '../../../src/lib/stats/query/query-context.js'
import { cells } from '../../../src/lib/stats/retention/rows.js'
import { trendStat } from '../../../src/lib/stats/trend.js'
import { assertProperty } from '../../support/effort.js'

/** A promise that is resolved from outside. */
function gate<T = void>() {
  let open: (value: T) => void = () => {}
  const opened = new Promise<T>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

const never = new AbortController().signal

describe('the cache', () => {
  const entry = (bytes: number) => ({ body: Buffer.alloc(bytes) })

  test('forgets what was not used for the longest', () => {
    const cache = answerCache<{ body: Buffer }>(5000)
    for (const key of ['a', 'b', 'c']) cache.set(key, entry(1000))
    expect(cache.get('a')).toBeDefined()
    cache.set('d', entry(1000))
    expect(['a', 'b', 'c', 'd'].map((key) => cache.get(key) !== undefined)).toEqual([true, false, true, true])
    cache.set('huge', entry(3000))
    expect(['huge', 'a', 'd'].map((key) => cache.get(key) !== undefined)).toEqual([false, true, true])
  })

  test('never holds more than it may, whatever is put in', { tags: 'property' }, () => {
    assertProperty(
      fc.property(
        fc.integer({ min: 0, max: 20_000 }),
        fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), fc.nat(6000), fc.boolean())),
        (maxBytes, steps) => {
          const cache = answerCache<{ body: Buffer }>(maxBytes)
          const newest = new Map<string, number>()
          for (const [key, bytes, isPut] of steps) {
            if (isPut) {
              cache.set(key, entry(bytes))
              newest.set(key, bytes)
            } else {
              const found = cache.get(key)
              if (found !== undefined) expect(found.body.length).toBe(newest.get(key))
            }
            expect(cache.calculatedSize).toBeLessThanOrEqual(maxBytes)
            expect(cache.calculatedSize).toBeGreaterThanOrEqual(0)
          }
          cache.clear()
          expect([cache.calculatedSize, cache.get('a')]).toEqual([0, undefined])
        },
      ),
      100,
    )
  })
})

describe('a shared read', () => {
  test('is never one that had begun before it was asked for', async () => {
    const runs: { begun: number; open: (value: number) => void }[] = []
    const read = shared(() => {
      const { opened, open } = gate<number>()
      runs.push({ begun: runs.length, open })
      return opened
    })
    const first = read()
    const [second, third] = [read(), read()]
    expect(runs).toHaveLength(1)
    runs[0]!.open(1)
    expect(await first).toBe(1)
    await sleep(0)
    expect(runs).toHaveLength(2)
    const fourth = read()
    runs[1]!.open(2)
    expect(await Promise.all([second, third])).toEqual([2, 2])
    await sleep(0)
    runs[2]!.open(3)
    expect(await fourth).toBe(3)
    const fifth = read()
    expect(runs).toHaveLength(4)
    runs[3]!.open(4)
    expect(await fifth).toBe(4)
  })

  test('that fails does so only for those who share it', async () => {
    let count = 0
    const read = shared(async () => {
      count++
      await sleep(1)
      if (count === 1) throw new Error('first')
      return count
    })
    const [first, second] = [read(), read()]
    await expect(first).rejects.toThrow('first')
    expect(await second).toBe(2)
  })
})

describe('shared work', () => {
  test('ends for those who stay, and is cancelled when nobody does', async () => {
    const work = new SingleFlight<string>()
    const begun: { signal: AbortSignal; open: (value: string) => void }[] = []
    const begin = (signal: AbortSignal) => {
      const { opened, open } = gate<string>()
      begun.push({ signal, open })
      return opened
    }
    const [one, two, three] = [new AbortController(), new AbortController(), new AbortController()]
    const first = work.do('key', one.signal, begin)
    const second = work.do('key', two.signal, begin)
    one.abort(new Error('left'))
    await expect(first).rejects.toThrow('left')
    expect(begun.map(({ signal }) => signal.aborted)).toEqual([false])
    begun[0]!.open('done')
    expect(await second).toBe('done')
    const third = work.do('key', three.signal, begin)
    three.abort(new Error('left too'))
    await expect(third).rejects.toThrow('left too')
    expect(begun.map(({ signal }) => signal.aborted)).toEqual([false, true])
    // The next one does not join what was cancelled, although that has not ended yet.
    const fourth = work.do('key', never, begin)
    begun[1]!.open('late')
    begun[2]!.open('anew')
    expect(await fourth).toBe('anew')
  })
})

describe('turns', () => {
  test('are taken in order, so many at once', async () => {
    const turns = new Semaphore({ maxAtOnce: 2, maxPerSender: 2, maxWaitMs: 60_000 })
    const gates = [gate(), gate(), gate(), gate()]
    const begun: number[] = []
    const done = gates.map(({ opened }, index) =>
      turns.take('ann', never, () => {
        begun.push(index)
        return opened
      }),
    )
    await sleep(0)
    expect(begun).toEqual([0, 1])
    gates[1]!.open()
    await done[1]
    await sleep(0)
    expect(begun).toEqual([0, 1, 2])
    for (const { open } of gates) open()
    await Promise.all(done)
    expect(begun).toEqual([0, 1, 2, 3])
  })

  test('are given up by those who leave, wait too long or fail', async () => {
    const turns = new Semaphore({ maxAtOnce: 1, maxPerSender: 1, maxWaitMs: 20 })
    const { opened, open } = gate()
    const first = turns.take('ann', never, () => opened)
    const leaver = new AbortController()
    const second = turns.take('ann', leaver.signal, async () => 'second')
    leaver.abort(new Error('left'))
    await expect(second).rejects.toThrow('left')
    await expect(turns.take('ann', never, async () => 'third')).rejects.toMatchObject({ code: 'server_busy' })
    open()
    await first
    await expect(turns.take('ann', never, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed')
    expect(await turns.take('ann', never, async () => 'last')).toBe('last')
  })

  test('one sender holds so many of them and no more; who waits behind it goes first', async () => {
    const turns = new Semaphore({ maxAtOnce: 4, maxPerSender: 2, maxWaitMs: 60_000 })
    const begun: string[] = []
    const gates = Array.from({ length: 8 }, () => gate())
    const senders = ['ann', 'ann', 'ann', 'ann', 'ben', 'cem', 'dan', 'ann']
    const done = senders.map((sender, index) =>
      turns.take(sender, never, () => {
        begun.push(`${sender} ${index}`)
        return gates[index]!.opened
      }),
    )
    await sleep(0)
    expect(begun).toEqual(['ann 0', 'ann 1', 'ben 4', 'cem 5'])
    gates[4]!.open()
    await sleep(0)
    // Ann has waited longer than Dan, and has her two.
    expect(begun.slice(4)).toEqual(['dan 6'])
    gates[0]!.open()
    await sleep(0)
    expect(begun.slice(5)).toEqual(['ann 2'])
    for (const { open } of gates) open()
    await Promise.all(done)
    expect(begun.slice(6)).toEqual(['ann 3', 'ann 7'])
  })

  test('a sender who waits behind its own questions is told so', async () => {
    const turns = new Semaphore({ maxAtOnce: 2, maxPerSender: 1, maxWaitMs: 10 })
    const { opened, open } = gate()
    const first = turns.take('ann', never, () => opened)
    await expect(turns.take('ann', never, async () => 2)).rejects.toMatchObject({
      code: 'server_busy',
      message: expect.stringContaining('other questions under way'),
    })
    expect(await turns.take('ben', never, async () => 3)).toBe(3)
    open()
    await first
  })
})

describe('a large answer lets the event loop turn', () => {
  const columns = [
    { name: 'cohort', kind: 'date' },
    { name: 'users', kind: 'counts' },
    { name: 'rates', kind: 'rates' },
    { name: 'complete', kind: 'flags' },
  ] as const
  const frame = {
    asOf: '2026-01-01T00:00:00Z',
    asOfLocal: '2026-01-01T00:00:00',
    tz: 'UTC',
    weekStart: 'monday',
    range: { from: '2020-01-01', to: '2020-04-10' },
    dataFrom: '2019-01-01',
    dataUntil: '2025-12-01',
  } as unknown as QueryContext

  /** How often the event loop turned while `work` ran. */
  async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
    let turns = 0
    let isOver = false
    const count = () => {
      turns++
      if (!isOver) setImmediate(count)
    }
    setImmediate(count)
    await work()
    isOver = true
    return turns
  }

  test('while its rows are shaped', async () => {
    const rows = Array.from({ length: 100_000 }, (_, n) => ({ date: '2020-01-01', key: `${n}`, keys: 5, value: n }))
    const trend = { ...trendStat.params.parse({ by: 'user_id' }) }
    expect(await turnsDuring(async () => trendStat.shape(rows, trend, frame))).toBeGreaterThanOrEqual(9)
    const counts = Array.from({ length: 50_000 }, (_, n) => ({ number: n % 100, window_number: n % 500, users: 1 }))
    const params = { windowType: 'day', clock: 'calendar', windows: 499, mode: 'on' } as Parameters<typeof cells>[1]
    expect(await turnsDuring(async () => cells(counts, params, frame))).toBeGreaterThanOrEqual(16)
  })

  test.each(['json', 'ndjson', 'csv', 'md'] as const)('while it is written as %s, row by row', async (format) => {
    let read = 0
    const list = Array.from({ length: 100 }, (_, index) => index)
    const data = Array.from({ length: 1000 }, () => ({
      users: list,
      rates: list.map(() => 0.5),
      complete: list.map(() => true),
      get cohort() {
        read++
        return '2020-01-01'
      },
    }))
    const result = { metric: 'retention', columns, data, meta: {} }
    const body = { bytes: 0 }
    let readAtFirstTurn: number | undefined
    const turns = await turnsDuring(async () => {
      setImmediate(() => {
        readAtFirstTurn = read
      })
      body.bytes = (await renderWire(result, format)).length
    })
    expect(turns).toBeGreaterThanOrEqual(Math.floor(body.bytes / 200_000))
    // Not all of them are prepared before the first one is written.
    expect(readAtFirstTurn).toBeLessThan(500)
  })
})
