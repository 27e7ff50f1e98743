/** Draining: the order, the database that goes away, parts that nobody takes, and crashes in between. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { SpoolPart } from '../../../src/lib/ingest/body/request.js'
import type { DrainOptions } from '../../../src/lib/ingest/spool/delivery.js'
import { drainSpool } from '../../../src/lib/ingest/spool/drain.js'
import { startDrainer } from '../../../src/lib/ingest/spool/drainer.js'
import type { SpoolEvent } from '../../../src/lib/ingest/spool/events.js'
import { type Spool, withSpool } from '../../../src/lib/ingest/spool/spool.js'
import { errorOf, withScratchFolder } from '../../support/temp-dir.js'
import { idsOf, spooled } from './spool-requests.js'

class Away extends Error {}
const isAway = (error: unknown) => error instanceof Away
const never = new AbortController().signal
const quick = { isAway, backoffMs: 1, awayMs: [1, 2] } as const
const poison = () => spooled({ id: `poison-${Math.random()}`, atomic: true })

/** A database that stores each part once, and refuses what is poison. */
class Target {
  readonly stored = new Map<string, readonly string[]>()
  tries = 0

  readonly deliver = async (part: SpoolPart): Promise<void> => {
    this.tries += 1
    const ids = idsOf(part.requests)
    if (ids.some((id) => id.startsWith('poison'))) throw Object.assign(new Error('no such thing'), { code: '22P02' })
    const key = `${part.segment} ${part.part}`
    if (!this.stored.has(key)) this.stored.set(key, ids)
  }

  get ids(): string[] {
    return [...this.stored.values()].flat()
  }
}

async function withFilled(
  use: (spool: Spool, folder: string) => Promise<void>,
  ...sessions: (readonly ReturnType<typeof spooled>[])[]
): Promise<void> {
  await withScratchFolder(async (folder) => {
    for (const requests of sessions) {
      await withSpool(folder, (spool) => Promise.all(requests.map((request) => spool.append(request))))
    }
    await withSpool(folder, (spool) => use(spool, folder))
  })
}

test('oldest first, in order, each segment removed', async () => {
  const sessions = [1, 2, 3].map(() => [spooled(), spooled({ kind: 'collect' }), spooled({ atomic: true }), spooled()])
  await withFilled(
    async (spool, folder) => {
      const target = new Target()
      const late = spooled()
      await spool.append(late)
      const drained = await drainSpool(spool, target.deliver, { signal: never, ...quick })
      expect(drained).toEqual({ parts: 13, requests: 13, events: 13, buried: 0 })
      expect(target.ids).toEqual(idsOf([...sessions.flat(), late]))
      expect(spool.isEmpty).toBe(true)
      expect((await readdir(folder)).filter((file) => file.endsWith('.ndjson'))).toEqual([])
    },
    ...sessions,
  )
})

test('while the database is away nothing is lost or given up, however long it takes', async () => {
  const requests = [spooled(), spooled({ kind: 'collect' })]
  await withFilled(async (spool) => {
    const target = new Target()
    const events: SpoolEvent['kind'][] = []
    let down = 20
    const deliver = async (part: SpoolPart) => {
      if (part.part === 1 && down-- > 0) throw new Away('gone')
      await target.deliver(part)
    }
    const options: DrainOptions = { signal: never, ...quick, onEvent: ({ kind }) => events.push(kind) }
    await drainSpool(spool, deliver, options)
    expect(target.ids).toEqual(idsOf(requests))
    expect(events).toEqual(['delivered', 'away', 'back', 'delivered'])
  }, requests)
})

test('a part that nobody takes is a dead letter after its attempts, and the rest goes on', async () => {
  const [first, bad, last] = [spooled(), poison(), spooled()]
  await withFilled(
    async (spool, folder) => {
      const target = new Target()
      const drained = await drainSpool(spool, target.deliver, { signal: never, ...quick })
      expect(drained).toEqual({ parts: 2, requests: 2, events: 2, buried: 1 })
      expect(target.ids).toEqual([first.id, last.id])
      expect(target.tries).toBe(2 + 5)
      expect(spool.state).toMatchObject({ requests: 0, deadLetters: 1 })
      const [letter] = await spool.deadLetters()
      expect(letter).toMatchObject({
        name: expect.stringMatching(/^000000000001-[0-9a-f]{12}-1$/),
        canRetry: true,
        reason: { code: '22P02', message: 'no such thing', attempts: 5 },
      })
      const reason = JSON.parse(await readFile(join(folder, 'dead-letter', `${letter!.name}.reason.json`), 'utf8'))
      expect(Object.keys(reason)).toEqual(['code', 'message', 'at', 'attempts'])
    },
    [first, bad, last],
  )
})

test('an error that passes costs an attempt and nothing more', async () => {
  await withFilled(
    async (spool) => {
      let tries = 0
      const deliver = async () => {
        tries += 1
        if (tries < 5) throw new Error('not yet')
      }
      expect(await drainSpool(spool, deliver, { signal: never, ...quick })).toMatchObject({ parts: 1, buried: 0 })
    },
    [spooled()],
  )
})

test('a dead letter goes back to the end of the spool, and is gone when it is safe there', async () => {
  const [bad, good] = [poison(), spooled()]
  await withFilled(
    async (spool, folder) => {
      await drainSpool(spool, new Target().deliver, { signal: never, ...quick })
      const [letter] = await spool.deadLetters()
      await spool.append(good)
      expect(await spool.retry(letter!.name)).toEqual({ requests: 1, events: 1 })
      expect(await readdir(join(folder, 'dead-letter'))).toEqual([])
      expect(spool.state).toMatchObject({ requests: 2, deadLetters: 0 })
      expect(await errorOf(() => spool.retry(letter!.name))).toMatchObject({ code: 'usage' })
      expect(await errorOf(() => spool.retry('../lock.1'))).toMatchObject({ code: 'usage' })
      const taken: string[] = []
      await drainSpool(
        spool,
        async (part) => {
          taken.push(...idsOf(part.requests))
          expect(part.requests.every((request) => [bad, good].some((one) => one.lines.equals(request.lines)))).toBe(
            true,
          )
        },
        { signal: never, ...quick },
      )
      expect(taken).toEqual([good.id, bad.id])
    },
    [bad],
  )
})

test('after a crash in the middle of a segment its parts come again with the same numbers', async () => {
  const requests = [spooled(), spooled({ kind: 'collect' }), poison(), spooled(), spooled({ kind: 'collect' })]
  await withScratchFolder(async (folder) => {
    const target = new Target()
    await withSpool(folder, (spool) => Promise.all(requests.map((request) => spool.append(request))))
    for (let crashAfter = 0; crashAfter < 5; crashAfter++) {
      await withSpool(folder, async (spool) => {
        const crash = new AbortController()
        let parts = 0
        const deliver = async (part: SpoolPart) => {
          if (parts++ === crashAfter) crash.abort()
          await target.deliver(part)
        }
        await drainSpool(spool, deliver, { signal: crash.signal, ...quick })
        expect(spool.isEmpty).toBe(false)
      })
    }
    await withSpool(folder, async (spool) => {
      await drainSpool(spool, target.deliver, { signal: never, ...quick })
      expect(spool.state).toMatchObject({ requests: 0, deadLetters: 1 })
    })
    expect(target.ids).toEqual(idsOf(requests).filter((id) => !id.startsWith('poison')))
  })
})

test('the drainer of a server works whenever there is something, and stops after the part under way', async () => {
  await withScratchFolder((folder) =>
    withSpool(folder, async (spool) => {
      const target = new Target()
      let release = () => {}
      const held = new Promise<void>((resolve) => {
        release = resolve
      })
      let begin = () => {}
      const begun = new Promise<void>((resolve) => {
        begin = resolve
      })
      let isDown = true
      const drainer = startDrainer(
        spool,
        async (part) => {
          if (isDown) throw new Away('gone')
          if (part.requests[0]!.id === 'slow') {
            begin()
            await held
          }
          await target.deliver(part)
        },
        quick,
      )
      const [one, two] = [spooled(), spooled()]
      await spool.append(one)
      await sleep(20)
      expect(target.ids).toEqual([])
      isDown = false
      drainer.wake()
      while (!spool.isEmpty) await sleep(1)
      await spool.append(two)
      while (!spool.isEmpty) await sleep(1)
      await Promise.all([spool.append(spooled({ id: 'slow' })), spool.append(spooled({ id: 'next', atomic: true }))])
      await begun
      let isStopped = false
      const stopping = drainer.stop().then(() => {
        isStopped = true
      })
      await sleep(20)
      expect(isStopped).toBe(false)
      release()
      await stopping
      expect(target.ids).toEqual([one.id, two.id, 'slow'])
      await spool.append(spooled())
      await sleep(20)
      expect(target.ids).toHaveLength(3)
    }),
  )
})

test('a drainer that waits for the database stops at once', async () => {
  await withFilled(
    async (spool) => {
      const drainer = startDrainer(spool, () => Promise.reject(new Away('gone')), {
        isAway,
        awayMs: [3_600_000, 3_600_000],
      })
      await sleep(20)
      await drainer.stop()
      expect(spool.isEmpty).toBe(false)
    },
    [spooled()],
  )
})

test('waking shortens a long wait, and many calls do not make many tries', async () => {
  await withFilled(
    async (spool) => {
      let tries = 0
      const deliver = () => {
        tries += 1
        return Promise.reject(new Away('gone'))
      }
      const drainer = startDrainer(spool, deliver, { isAway, awayMs: [50, 3_600_000] })
      while (tries < 3) {
        drainer.wake()
        await sleep(1)
      }
      const startedMs = performance.now()
      while (performance.now() - startedMs < 500) {
        drainer.wake()
        await sleep(1)
      }
      await drainer.stop()
      expect(tries).toBeGreaterThan(3)
      expect(tries).toBeLessThan(3 + 500 / 50 + 5)
    },
    [spooled()],
  )
})

test('a request that always takes longer than it may is a dead letter, and those beside it are stored', async () => {
  const [first, slow, last] = [spooled(), spooled({ id: 'slow' }), spooled()]
  await withFilled(
    async (spool) => {
      const tries: string[][] = []
      const deliver = async ({ requests }: SpoolPart) => {
        tries.push(idsOf(requests))
        if (requests.some(({ id }) => id === 'slow')) throw Object.assign(new Error('too long'), { code: '57014' })
      }
      const isOutOfTime = (error: unknown) => (error as { code?: string }).code === '57014'
      const kinds: SpoolEvent['kind'][] = []
      const onEvent = ({ kind }: SpoolEvent) => kinds.push(kind)
      const drained = await drainSpool(spool, deliver, { signal: never, ...quick, isOutOfTime, onEvent })
      expect(drained).toEqual({ parts: 2, requests: 2, events: 2, buried: 1 })
      expect(tries).toEqual([[first.id, 'slow', last.id], [first.id], ['slow'], ['slow'], [last.id]])
      expect(kinds).toEqual(['delivered', 'retrying', 'buried', 'delivered'])
      const [letter] = await spool.deadLetters()
      expect(letter).toMatchObject({ name: expect.stringMatching(/-0-1$/), reason: { code: '57014', attempts: 2 } })
      expect(await spool.retry(letter!.name)).toEqual({ requests: 1, events: 1 })
    },
    [first, slow, last],
  )
})
