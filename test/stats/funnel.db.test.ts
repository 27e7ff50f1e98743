/** Each rule of a funnel on a few events. Random funnels against a model are in `funnel-properties.test.ts`. */
import { expect, test } from 'vitest'
import type { Database } from '../../src/lib/db/connect.js'
import { funnel, funnelStat } from '../../src/lib/stats/funnel.js'
import { drillDown } from '../../src/lib/stats/query/drill-down.js'
import { explain } from '../../src/lib/stats/query/run-stat.js'
import { type GivenEvent, storeEvents } from '../support/events.js'
import { withFreshDatabase } from '../support/postgres/database.js'
import { eventsOf, inIdOrder } from './funnel/notation.js'

type Given = Parameters<typeof funnel>[1]

async function withEvents(given: readonly GivenEvent[], use: (db: Database) => Promise<void>): Promise<void> {
  await withFreshDatabase(async (db) => {
    await storeEvents(db, given)
    await use(db)
  })
}

async function users(db: Database, given: Given) {
  return (await funnel(db, given)).data.map((row) => row.users)
}

test('rows have rates and times; who has not converted and still may is pending', async () => {
  const events = eventsOf(
    'ann: signup 10:00, view 10:05, purchase 10:10',
    'bob: signup 10:00, view 10:15',
    'eve: signup 11:00, view 11:00:01.5',
    'joe: signup 12:00',
    'kim: view 10:00, purchase 11:00',
  )
  await withEvents(events, async (db) => {
    const asked = { step: ['signup', 'view', 'purchase'], window: '2h', asOf: '2025-08-01T13:00:00Z' }
    const { data, meta } = await funnel(db, asked)
    expect(data).toEqual([
      {
        step: 1,
        event_type: 'signup',
        users: 4,
        rate_from_first: 1,
        rate_from_previous: null,
        median_seconds: null,
        mean_seconds: null,
      },
      {
        step: 2,
        event_type: 'view',
        users: 3,
        rate_from_first: 0.75,
        rate_from_previous: 0.75,
        median_seconds: 300,
        mean_seconds: (300 + 900 + 1.5) / 3,
      },
      {
        step: 3,
        event_type: 'purchase',
        users: 1,
        rate_from_first: 0.25,
        rate_from_previous: 1 / 3,
        median_seconds: 300,
        mean_seconds: 300,
      },
    ])
    // The window of bob ended at 12:00, that of eve ends just now.
    expect(meta).toMatchObject({
      pending_users: 2,
      source: 'events',
      step: ['signup', 'view', 'purchase'],
      window: '2h',
      order: 'ordered',
      definition: expect.stringContaining('within 2h'),
    })
    expect((await funnel(db, { ...asked, asOf: '2025-08-01T13:00:01Z' })).meta.pending_users).toBe(1)
  })
})

test('nobody at the first step: rates and times are empty', async () => {
  await withEvents(eventsOf('ann: view 10:00'), async (db) => {
    const { data, meta } = await funnel(db, { step: ['signup', 'view'] })
    const none = { users: 0, rate_from_first: null, rate_from_previous: null, median_seconds: null, mean_seconds: null }
    expect(data).toEqual([
      { step: 1, event_type: 'signup', ...none },
      { step: 2, event_type: 'view', ...none },
    ])
    expect(meta.pending_users).toBe(0)
  })
})

test('the window includes its last microsecond and no more, in every order', async () => {
  const events = eventsOf('in: a 10:00:00, b 10:00:30', 'out: a 10:00:00, b 10:00:30.000001')
  await withEvents(events, async (db) => {
    for (const order of ['ordered', 'strict', 'unordered'] as const) {
      expect(await users(db, { step: ['a', 'b'], window: '30s', order })).toEqual([2, 1])
      expect(await users(db, { step: ['a', 'b', 'b'], window: '30s', order })).toEqual([2, 1, 0])
      // Also where exclusions are counted by positions.
      expect(await users(db, { step: ['a', 'b'], window: '30s', order, exclude: ['x'] })).toEqual([2, 1])
    }
    expect(await users(db, { step: ['a', 'b'], window: '31s' })).toEqual([2, 2])
  })
})

test('a day of a window is 24 hours, whatever the clocks do', async () => {
  const events: GivenEvent[] = [
    { user: 'ann', type: 'a', at: '2025-03-29T12:00:00+01:00' },
    { user: 'ann', type: 'b', at: '2025-03-30T13:00:00+02:00' },
    { user: 'bob', type: 'a', at: '2025-03-29T12:00:00+01:00' },
    { user: 'bob', type: 'b', at: '2025-03-30T13:00:00.001+02:00' },
  ]
  await withEvents(events, async (db) => {
    expect(await users(db, { step: ['a', 'b'], window: '1d', tz: 'Europe/Berlin' })).toEqual([2, 1])
  })
})

test('from and to bound the first step only', async () => {
  const events = eventsOf(
    'before: a 2025-07-31 23:59:59, b 00:01',
    'across: a 23:59, b 2025-08-02 00:01:00',
    'later: a 23:59, b 2025-08-20 00:01:00',
    'after: a 2025-08-02 00:00:00, b 2025-08-02 00:01:00',
  )
  await withEvents(events, async (db) => {
    const range = { from: '2025-08-01', to: '2025-08-01' }
    for (const order of ['ordered', 'strict', 'unordered'] as const) {
      const asked = { step: ['a', 'b'], order, ...range }
      // In any order, the b of `before` is a first step of its own.
      expect(await users(db, { ...asked, window: '14d' })).toEqual(order === 'unordered' ? [3, 1] : [2, 1])
      expect(await users(db, { ...asked, window: '30d' })).toEqual(order === 'unordered' ? [3, 2] : [2, 2])
    }
    // In Kyiv, it is the next day three hours earlier.
    expect(await users(db, { step: ['a', 'b'], ...range, tz: 'Europe/Kyiv' })).toEqual([1, 1])
  })
})

test('events at the same time satisfy ordered steps in any order, strict ones in the order of their ids', async () => {
  const backwards = inIdOrder(eventsOf('ann: c 10:00, b 10:00, a 10:00'))
  await withEvents(backwards, async (db) => {
    const step = ['a', 'b', 'c']
    const { data } = await funnel(db, { step })
    expect(data.map((row) => [row.users, row.median_seconds])).toEqual([
      [1, null],
      [1, 0],
      [1, 0],
    ])
    expect(await users(db, { step, order: 'unordered' })).toEqual([1, 1, 1])
    expect(await users(db, { step, order: 'strict' })).toEqual([1, 0, 0])
    expect(await users(db, { step: ['c', 'b', 'a'], order: 'strict' })).toEqual([1, 1, 1])
  })
})

test('one event satisfies one step: repeated steps need as many events, also at one time', async () => {
  const events = eventsOf('one: view 10:00', 'two: view 10:00, view 10:00', 'late: view 10:00, view 10:01')
  await withEvents(events, async (db) => {
    for (const order of ['ordered', 'strict', 'unordered'] as const) {
      expect(await users(db, { step: ['view', 'view'], order })).toEqual([3, 2])
      expect(await users(db, { step: ['view', 'view', 'view'], order })).toEqual([3, 2, 0])
    }
  })
})

test('where steps share events, each gets one if there is any way to share them out', async () => {
  const events = eventsOf(
    'ann: view{"page":"home"} 10:00, view{"page":"cart"} 10:00',
    'bob: view{"page":"cart"} 10:00, view{"page":"home"} 10:01',
    'eve: view{"page":"home"} 10:00, view{"page":"home"} 10:01',
  )
  await withEvents(events, async (db) => {
    const cart = 'view[properties.page:cart]'
    expect(await users(db, { step: ['view', cart] })).toEqual([3, 1])
    expect(await users(db, { step: [cart, 'view'] })).toEqual([2, 2])
    expect(await users(db, { step: ['view', cart], order: 'unordered' })).toEqual([3, 2])
    expect(await users(db, { step: ['view', 'view', cart], order: 'unordered' })).toEqual([3, 3, 0])
  })
})

test('unordered steps that may share events are refused when there are too many, not when they exclude each other', async () => {
  await withEvents(eventsOf('ann: view{"page":"p1"} 10:00, view{"page":"p2"} 10:01'), async (db) => {
    const pages = Array.from({ length: 12 }, (_, index) => `view[properties.page:p${index}]`)
    expect((await users(db, { step: pages, order: 'unordered' })).slice(0, 3)).toEqual([1, 1, 0])
    const loose = Array.from({ length: 7 }, (_, index) => `view[properties.page~${index}]`)
    await expect(funnel(db, { step: loose, order: 'unordered' })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('view[properties.page~6]'),
    })
    expect((await users(db, { step: loose, order: 'ordered' }))[0]).toBe(0)
  })
})

test('the deepest attempt counts, of these the earliest, and then the earliest next steps', async () => {
  const events = eventsOf(
    // The first a comes too early for b.
    'ann: a 10:00, a 10:50, b 11:05, b 11:20, a 12:00, b 12:01',
    'bob: a 10:00, a 10:10, b 10:20, b 10:30',
  )
  await withEvents(events, async (db) => {
    const { data } = await funnel(db, { step: ['a', 'b'], window: '1h' })
    expect(data.map((row) => row.users)).toEqual([2, 2])
    expect(data[1]).toMatchObject({ median_seconds: (15 * 60 + 20 * 60) / 2, mean_seconds: (15 * 60 + 20 * 60) / 2 })
  })
})

test('strict: what the segments hide does not stand between; a repeated first step does', async () => {
  const events = eventsOf(
    'ann: a{"app":"x"} 10:00, view{"app":"y"} 10:01, b{"app":"x"} 10:02',
    'bob: a{"app":"x"} 10:00, a{"app":"x"} 10:01, b{"app":"x"} 10:02, view{"app":"x"} 10:03',
  )
  await withEvents(events, async (db) => {
    const asked = { step: ['a', 'b'], order: 'strict' as const }
    expect(await users(db, asked)).toEqual([2, 1])
    expect(await users(db, { ...asked, segment: ['properties.app:x'] })).toEqual([2, 2])
    expect(await users(db, { step: ['a', 'b', 'view'], order: 'strict' })).toEqual([2, 1, 1])
    // The attempt of bob that counts began at 10:01.
    expect((await funnel(db, asked)).data[1]).toMatchObject({ mean_seconds: 60 })
  })
})

test('brackets restrict one step, segments all of them', async () => {
  const events = eventsOf('ann: a{"v":1} 10:00, b{"v":5} 10:01', 'bob: a{"v":5} 10:00, b{"v":50} 10:01')
  await withEvents(events, async (db) => {
    expect(await users(db, { step: ['a', 'b[properties.v>10]'] })).toEqual([2, 1])
    expect(await users(db, { step: ['a[properties.v:1]', 'b'] })).toEqual([1, 1])
    expect(await users(db, { step: ['a', 'b'], segment: ['properties.v>=5'] })).toEqual([1, 1])
  })
})

test('an exclusion voids the attempts it lies in, and a clean attempt still counts', async () => {
  const events = eventsOf(
    'clean: x 09:00, a 10:00, b 10:10, x 10:20, c 10:30',
    'dirty: a 10:00, x 10:05, b 10:10, c 10:20',
    'again: a 10:00, x 10:05, a 10:06, b 10:10, c 10:20',
    'quiet: a 10:00, b 10:01',
  )
  await withEvents(events, async (db) => {
    const asked = { step: ['a', 'b', 'c'], window: '1h' }
    expect(await users(db, { ...asked, exclude: ['x'] })).toEqual([2, 2, 1])
    expect(await users(db, { ...asked, exclude: ['x:1-3'] })).toEqual([2, 2, 1])
    expect(await users(db, { ...asked, exclude: ['x:1-2'] })).toEqual([3, 3, 2])
    // `clean` reaches step 2 and then x comes: there is no clean attempt that stops there, but one that stops at step 1.
    expect(await users(db, { ...asked, exclude: ['x:2-3'] })).toEqual([4, 3, 2])
    expect(await users(db, { ...asked, exclude: ['x:1-2', 'x:2-3'] })).toEqual([2, 2, 1])
    expect(await users(db, { ...asked, exclude: ['nothing'] })).toEqual([4, 4, 3])
  })
})

test('with an exclusion a later step may be the better one', async () => {
  await withEvents(eventsOf('ann: a 10:00, b 10:01, x 10:02, b 10:03, c 10:04'), async (db) => {
    const { data } = await funnel(db, { step: ['a', 'b', 'c'], exclude: ['x:2-3'] })
    expect(data.map((row) => [row.users, row.mean_seconds])).toEqual([
      [1, null],
      [1, 180],
      [1, 60],
    ])
  })
})

test('an excluded event that is also a step voids as any other, unless it is one of the two it would lie between', async () => {
  await withEvents(eventsOf('ann: a 10:00, a 10:10, b 10:15', 'bob: a 10:00, b 10:01, c 10:02'), async (db) => {
    // The last a before b.
    const { data } = await funnel(db, { step: ['a', 'b'], exclude: ['a'] })
    expect(data[1]).toMatchObject({ users: 2, mean_seconds: (300 + 60) / 2 })
    expect(await users(db, { step: ['a', 'b', 'c'], exclude: ['b'] })).toEqual([0, 0, 0])
    expect(await users(db, { step: ['a', 'b', 'c'], exclude: ['b:1-2'] })).toEqual([2, 2, 1])
  })
})

test('between means in the order of time, then id', async () => {
  const step = ['a', 'b']
  await withEvents(
    inIdOrder(eventsOf('ann: a 10:00, x 10:00, b 10:00', 'bob: x 10:00, a 10:00, b 10:00, x 10:00')),
    async (db) => {
      for (const order of ['ordered', 'strict'] as const) {
        expect(await users(db, { step, order, exclude: ['x'] })).toEqual([1, 1])
      }
    },
  )
})

test('exclusions of strict and unordered funnels', async () => {
  const events = eventsOf(
    'ann: a 10:00, b 10:01, c 10:02',
    'bob: a 10:00, b 10:01, x 10:02, c 10:03',
    'eve: b 10:00, x 10:01, a 10:02',
  )
  await withEvents(events, async (db) => {
    const asked = { step: ['a', 'b', 'c'], window: '1h' }
    const strict = { ...asked, order: 'strict' as const }
    expect(await users(db, strict)).toEqual([3, 2, 1])
    expect(await users(db, { ...strict, exclude: ['x'] })).toEqual([2, 1, 1])
    expect(await users(db, { ...strict, exclude: ['x:1-2'] })).toEqual([3, 2, 1])
    expect(await users(db, { ...strict, exclude: ['b'] })).toEqual([1, 0, 0])
    const unordered = { ...asked, order: 'unordered' as const }
    expect(await users(db, unordered)).toEqual([3, 3, 2])
    // Nobody is lost at the first step.
    expect(await users(db, { ...unordered, exclude: ['x'] })).toEqual([3, 1, 1])
    expect(await users(db, { ...unordered, exclude: ['x:1-3'] })).toEqual([3, 1, 1])
    await expect(funnel(db, { ...unordered, exclude: ['x:1-2'] })).rejects.toMatchObject({ code: 'usage' })
  })
})

test('the users behind a step, and those lost on the way to it', async () => {
  await withEvents(eventsOf('ann: a 10:00, b 10:01', 'bob: a 10:00', 'eve: b 10:00'), async (db) => {
    const asked = { step: ['a', 'b'] }
    const of = async (cell: string) => (await drillDown(db, funnelStat, asked, cell)).data.map((row) => row.user_id)
    expect(await of('1')).toEqual(['ann', 'bob'])
    expect(await of('2')).toEqual(['ann'])
    expect(await of('-2')).toEqual(['bob'])
    for (const cell of ['0', '3', '-1', '-3', '', '1.0', 'two', '+1']) {
      await expect(of(cell)).rejects.toMatchObject({ code: 'usage' })
    }
  })
})

test('events of a batch that is loading are not seen, and do not stand between', async () => {
  await withEvents(eventsOf('ann: a 10:00, b 10:02', 'bob: a 10:00'), async (db) => {
    await storeEvents(db, eventsOf('ann: x 10:01', 'bob: b 10:01', 'eve: a 10:00'), 'loading')
    for (const order of ['ordered', 'strict', 'unordered'] as const) {
      expect(await users(db, { step: ['a', 'b'], order })).toEqual([2, 1])
      expect(await users(db, { step: ['a', 'b'], order, exclude: ['x'] })).toEqual([2, 1])
    }
  })
})

test('a step that no event has is 0, and the warning names the nearest type', async () => {
  await withEvents(eventsOf('ann: signup 10:00, purchase 10:01'), async (db) => {
    const { data, meta } = await funnel(db, { step: ['signup', 'purchse'], exclude: ['refund'] })
    expect(data.map((row) => row.users)).toEqual([1, 0])
    expect(meta.warnings).toEqual([expect.stringMatching(/purchse.*purchase/), expect.stringContaining('refund')])
  })
})

test('an empty database is an answer without rows, or zeros for days that were asked for', async () => {
  await withFreshDatabase(async (db) => {
    const step = ['a', 'b']
    const { data, meta } = await funnel(db, { step })
    expect(data).toEqual([])
    expect(meta.warnings).toHaveLength(1)
    for (const order of ['ordered', 'strict', 'unordered'] as const) {
      expect(await users(db, { step, order, from: '2025-08-01', to: '2025-08-01' })).toEqual([0, 0])
    }
  })
})

test('what is given is checked, and mistakes in a text are pointed at', async () => {
  await withEvents(eventsOf('ann: a 10:00'), async (db) => {
    const ask = (given: object) => funnel(db, { step: ['a', 'b'], ...given })
    const refused = async (given: object, text: string) =>
      expect(ask(given), JSON.stringify(given)).rejects.toMatchObject({
        code: 'usage',
        message: expect.stringContaining(text),
      })
    await refused({ window: '10000' }, 'did you mean 10000d?')
    await refused({ window: '14' }, 'did you mean 14d?')
    for (const window of ['', 'd', '-1d', '14 days', '1w', '5ms', '1e3s', 'forever']) await refused({ window }, '90s')
    for (const window of ['0d', '0s', '0.0001s', '3661d', '87841h']) await refused({ window }, '3660d')
    await refused({ step: ['a'] }, '2 to 20')
    await refused({ step: undefined }, '2 to 20')
    await refused({ step: Array(21).fill('a') }, '2 to 20')
    await refused({ step: ['a', 'b[properties.v>]'] }, '^')
    await refused({ order: 'random' }, 'order')
    await refused({ exclude: ['x[oops]'] }, '^')
    await refused({ exclude: ['x:2-1'] }, 'exclude')
    await refused({ exclude: ['x:0-1'] }, 'exclude')
    await refused({ exclude: ['x:1-3'] }, 'expected a step from 2 to 2')
    expect((await ask({ window: '3660d' })).data).toHaveLength(2)
    expect((await ask({ window: '1.5h' })).meta.window).toBe('1.5h')
    expect((await ask({ step: Array(20).fill('a') })).data).toHaveLength(20)
  })
})

test('what a person wrote is never part of the statement', async () => {
  await withFreshDatabase(async (db) => {
    const odd = `"it's; DROP"`
    for (const order of ['ordered', 'strict', 'unordered'] as const) {
      for (const exclude of [[], [odd]]) {
        const { sql, parameters } = await explain(db, funnelStat, { step: [odd, odd], order, exclude })
        expect(sql).not.toContain('DROP')
        expect(JSON.stringify(parameters)).toContain('DROP')
      }
    }
  })
})

test('pending looks at every attempt that may go on, not only at the one that counts', async () => {
  const at = (hour: number, type: string) => ({
    at: `2025-08-01T${`${hour}`.padStart(2, '0')}:00:00Z`,
    user: 'ann',
    type,
  })
  const pending = async (events: readonly ReturnType<typeof at>[], asked: Record<string, unknown> = {}) =>
    withFreshDatabase(async (db) => {
      await storeEvents(db, events)
      const given = { step: ['a', 'b', 'c'], window: '4h', from: '2025-08-01', to: '2025-08-01', ...asked }
      const { data, meta } = await funnel(db, { asOf: '2025-08-01T09:00:00Z', ...given })
      return [data.map(({ users }) => users).join(), meta.pending_users]
    })
  // The deepest attempt has ended, a later one has its window open.
  const again = [at(1, 'a'), at(2, 'b'), at(7, 'a')]
  expect(await pending(again)).toEqual(['1,1,0', 1])
  expect(await pending(again, { asOf: '2025-08-01T12:00:01Z' })).toEqual(['1,1,0', 0])
  expect(await pending(again, { order: 'unordered' })).toEqual(['1,1,0', 1])
  expect(await pending(again, { exclude: ['x'] })).toEqual(['1,1,0', 1])
  // A strict attempt that another event has ended cannot go on, and neither can one with an excluded event in it.
  expect(await pending([...again, at(8, 'x')], { order: 'strict' })).toEqual(['1,1,0', 0])
  expect(await pending(again, { order: 'strict' })).toEqual(['1,1,0', 1])
  expect(await pending([...again, at(8, 'x')], { exclude: ['x'] })).toEqual(['1,1,0', 0])
})
