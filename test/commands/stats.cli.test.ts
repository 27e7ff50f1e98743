/** `ea stats …` as a user runs it: bad input is a clear answer, and the same question gives the same answer everywhere. */
import { beforeAll, expect, test } from 'vitest'
import { withPool } from '../../src/lib/db/connect.js'
import { retention } from '../../src/lib/stats/retention.js'
import { builtOnce } from '../support/binary.js'
import { type Bench, uuidOf, withBench } from './import-content.js'

beforeAll(builtOnce)

/** A month of a small shop in Kyiv: 1 to 30 August there, from the evening of 31 July on in UTC. */
function shopEvents(): string {
  const lines: string[] = []
  const add = (at: string, user: string, type: string, properties: object) =>
    lines.push(
      JSON.stringify({
        event_id: uuidOf(lines.length),
        occurred_at: at,
        user_id: user,
        event_type: type,
        properties,
      }),
    )
  for (let day = 1; day <= 30; day++) {
    const date = `2025-08-${String(day).padStart(2, '0')}`
    const country = day % 3 === 0 ? 'PL' : 'UA'
    add(`${date}T00:30:00+03:00`, `u${day % 5}`, 'view_item', { country, price: day })
    add(`${date}T12:00:00+03:00`, `u${day % 7}`, 'add_to_cart', { country })
    if (day % 2 === 0) add(`${date}T12:05:00+03:00`, `u${day % 7}`, 'purchase', { country, price: `${day}.50` })
  }
  return `${lines.join('\n')}\n`
}

async function withShop(use: (bench: Bench) => Promise<void>): Promise<void> {
  await withBench(async (bench) => {
    expect(await bench.json(['import', '-'], { input: shopEvents() })).toMatchObject({ totals: { rejected: 0 } })
    await use(bench)
  })
}

test('without a range a question covers the newest day and the 30 before it', () =>
  withShop(async ({ json }) => {
    expect((await json(['stats', 'dau'])).data).toHaveLength(31)
    expect((await json(['stats', 'dau', '--tz', 'Europe/Kyiv'])).data).toHaveLength(30)
    const { data } = await json(['stats', 'top-events'])
    expect(data.reduce((sum: number, row: { events: number }) => sum + row.events, 0)).toBe(75)
  }))

// Each line: arguments, exit code, what the message must hold.
const refused: [string[], RegExp][] = [
  [['dau', '--from', '2025-02-30'], /--from must be a day.*not "2025-02-30"/],
  [['dau', '--from', '2025-08-02', '--to', '2025-08-01'], /--from 2025-08-02 is after --to 2025-08-01/],
  [['dau', '--tz', 'Mars/Base'], /--tz must be a time zone.*Mars/],
  [['dau', '--as-of', 'soon'], /--as-of must be/],
  [['dau', '--users', '2031-01-01'], /2031-01-01/],
  [['dau', '--segment', 'country:UA'], /country:UA\n +\^/],
  [['dau', '--segment', 'properties.country:'], /properties\.country:\n {2} {19}\^/],
  [['dau', '--grain', 'fortnight'], /fortnight/],
  [['retention', '--windows', '0'], /--windows must be a whole number from 1 to 1000, not 0/],
  [['retention', '--windows', '10000'], /--windows must be a whole number from 1 to 1000, not 10000/],
  [['retention', '--users', 'nonsense'], /nonsense/],
  [['funnel', '--step', 'view_item'], /--step/],
  [['funnel', '--step', 'view_item', '--step', 'purchase[properties.price>', '--window', '1d'], /\^/],
  [['funnel', '--step', 'view_item', '--step', 'purchase', '--window', '0d'], /--window.*0d/],
  [['funnel', '--step', 'view_item', '--step', 'purchase', '--window', '10000'], /--window.*10000/],
  [['funnel', '--step', 'view_item', '--step', 'purchase', '--exclude', 'x:2-3'], /--exclude.*2-3/s],
  [['trend', '--by', 'country'], /--by/],
]

test('what cannot be understood is refused with exit code 2, and says where', () =>
  withShop(async ({ ea, json }) => {
    for (const [args, message] of refused) {
      const { code, stdout, stderr } = await ea(['stats', ...args])
      expect([code, stdout], args.join(' ')).toEqual([2, ''])
      expect(stderr, args.join(' ')).toMatch(message)
    }
    const failure = await json(['stats', 'dau', '--from', '2025-02-30'])
    expect(failure).toMatchObject({ code: 2, error: { code: 'usage' } })
  }))

test('an unknown event type or property is a warning with the nearest name, and zeros', () =>
  withShop(async ({ ea, json }) => {
    const funnel = await json(['stats', 'funnel', '--step', 'view_item', '--step', 'purchse'])
    expect(funnel.code).toBe(0)
    expect(funnel.data.map(({ users }: { users: number }) => users)).toEqual([5, 0])
    expect(funnel.meta.warnings).toEqual([expect.stringMatching(/"purchse".*"purchase"/)])
    const dau = await ea(['stats', 'dau', '--segment', 'properties.cuontry:UA', '--format', 'csv'])
    expect(dau.stderr).toMatch(/^warning: .*properties\.cuontry.*properties\.country/m)
    expect(dau.stdout).not.toMatch(/,[1-9]\d*,/)
  }))

test('a comparison with what is no number matches nothing, and is counted', () =>
  withShop(async ({ json }) => {
    const { data, meta } = await json(['stats', 'top-events', '--segment', 'properties.country>5'])
    expect(data).toEqual([])
    expect(meta.warnings).toEqual([expect.stringMatching(/75 events.*properties\.country/)])
    const priced = await json(['stats', 'top-events', '--segment', 'properties.price>=29'])
    expect(priced.data).toEqual([
      { event_type: 'view_item', events: 2, share: 2 / 3 },
      { event_type: 'purchase', events: 1, share: 1 / 3 },
    ])
    expect(priced.meta.warnings).toEqual([])
  }))

test('an empty database is an answer without rows, and a hint', () =>
  withBench(async ({ ea, json }) => {
    const funnel = ['--step', 'a', '--step', 'b']
    for (const args of [
      ['dau'],
      ['wau'],
      ['mau'],
      ['top-events'],
      ['trend'],
      ['retention'],
      ['funnel', ...funnel],
      ['lifecycle'],
      ['stickiness'],
    ]) {
      const { code, meta, data } = await json(['stats', ...args])
      expect([code, data.filter((row: { users?: number }) => (row.users ?? 1) !== 0)], args[0]).toEqual([0, []])
      expect(meta.warnings, args[0]).toEqual([expect.stringMatching(/no events yet/)])
      expect((await ea(['stats', ...args, '--sql'])).stdout, args[0]).toMatch(/SELECT/)
    }
  }))

test('days may be relative: to as-of, in the zone of the question', () =>
  withShop(async ({ json }) => {
    const asked = ['stats', 'dau', '--from', '-7d', '--to', 'yesterday', '--as-of', '2025-08-20T22:30:00Z']
    expect((await json(asked)).meta).toMatchObject({ from: '2025-08-13', to: '2025-08-19' })
    const inKyiv = await json([...asked, '--tz', 'Europe/Kyiv'])
    expect(inKyiv.meta).toMatchObject({ from: '2025-08-14', to: '2025-08-20', tz: 'Europe/Kyiv' })
    expect((await json(['stats', 'dau', '--from', '2025-08', '--to', '2025-08'])).data).toHaveLength(31)
  }))

test('the library gives what the command gives', () =>
  withShop(async ({ json, url }) => {
    const fromCommand = await json([
      'stats',
      'retention',
      '--windows',
      '2',
      '--as-of',
      '2025-09-01',
      '--segment',
      'properties.country:UA',
    ])
    const fromLibrary = await withPool({ url, schema: 'ea' }, (db) =>
      retention(db, { windows: 2, asOf: '2025-09-01', segment: ['properties.country:UA'] }),
    )
    expect(fromCommand).toEqual({ metric: 'retention', data: fromLibrary.data, meta: fromLibrary.meta, code: 0 })
  }))
