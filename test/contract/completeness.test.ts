/**
 * One completeness: the stat says in each row whether it is complete, and a table, a terminal chart, an SVG, a check and the
 * page show or use just that, whatever else an answer says about days.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Measure } from '../../src/lib/checks/assertion/assertion.js'
import { parseAssertion } from '../../src/lib/checks/assertion/parser.js'
import { measuredValue } from '../../src/lib/checks/evaluate/value.js'
import type { Result, Row } from '../../src/lib/core/result.js'
import { chartSvg } from '../../src/lib/present/svg/chart.js'
import { csv } from '../../src/lib/present/tables/csv.js'
import { table } from '../../src/lib/present/tables/table.js'
import { chart } from '../../src/lib/present/terminal-charts/chart.js'
import { answerOf } from '../checks/evaluate/answers.js'
import { assertProperty } from '../support/effort.js'

const dateAt = (row: number, isOfHours: boolean) => {
  const at = new Date(Date.UTC(2025, 7, 1) + row * (isOfHours ? 3_600_000 : 86_400_000)).toISOString()
  return isOfHours ? `${at.slice(0, 19)}+00:00` : at.slice(0, 10)
}

const keys = ['a', 'b']

/** Answers whose flags follow no rule, and whose meta tells of other days than the flags do. */
const someAnswer = fc
  .record({
    kind: fc.constantFrom('dau', 'wau', 'trend', 'trend by key', 'trend of hours', 'lifecycle'),
    flags: fc.array(fc.boolean(), { minLength: 3, maxLength: 30 }),
    end: fc.integer({ min: 0, max: 40 }).map((row) => dateAt(row, false)),
    now: fc.integer({ min: 0, max: 40 }).map((row) => dateAt(row, false)),
  })
  .map(({ kind, flags, end, now }) => {
    const isOfHours = kind === 'trend of hours'
    const isByKey = kind === 'trend by key'
    const numbers = { new: 3, returning: 2, resurrecting: 1, dormant: 1, unique_users: 5, value: 5 }
    const columns = {
      dau: ['unique_users'],
      wau: ['unique_users'],
      lifecycle: ['new', 'returning', 'resurrecting', 'dormant'],
    }
    const own = columns[kind as keyof typeof columns] ?? ['value']
    const rows = flags.flatMap((complete, row) =>
      (isByKey ? keys : [null]).map((key): Row => {
        const counts = Object.fromEntries(own.map((name) => [name, numbers[name as keyof typeof numbers]]))
        return { date: dateAt(row, isOfHours), ...(own[0] === 'value' ? { key } : {}), ...counts, complete }
      }),
    )
    const params = { ...(isOfHours ? { grain: 'hour' } : {}), ...(isByKey ? { by: 'event_type' } : {}) }
    const days = {
      from: '2025-08-01',
      to: dateAt(flags.length - 1, isOfHours).slice(0, 10),
      data_from: '2025-08-01',
      data_until: '2025-12-31',
      complete_until: end,
      as_of: `${now}T06:30:00.000000Z`,
      range_complete: false,
    }
    return { flags, result: answerOf(kind.split(' ')[0]!, rows, { params, ...days }), measured: own[0]! }
  })

/** The dates and flags that a printed table has. */
function flagsOfTable(text: string): string[] {
  const lines = text.split('\n').filter((line) => /^2025-/.test(line))
  const flags = new Map(lines.map((line) => [line.split(/[ ,]/)[0]!, line.trimEnd().split(/[ ,]+/).at(-1)!]))
  return [...flags.values()]
}

async function openDatesOfSvg(result: Result): Promise<Set<string>> {
  const tips = (await chartSvg(result, { width: 800 })).matchAll(/<title>(\S+): [^<]*not complete<\/title>/g)
  return new Set([...tips].map(([, date]) => date!))
}

interface Panel {
  readonly id: string
  readonly table: (answer: Result) => {
    readonly columns: readonly { cell(row: unknown, index: number): string | { isIncomplete?: boolean } }[]
    readonly rows: readonly { readonly date: string }[]
  }
}
// Not by an import: the types of a browser are not those of the tests.
const page = new URL('../../src/lib/serve/page/browser/panels/panels.ts', import.meta.url).href
const { panels } = (await import(page)) as { panels: readonly Panel[] }

function openDatesOfPage(result: Result): string[] {
  const panel = panels.find(({ id }) => id === (['dau', 'wau'].includes(result.metric) ? 'active' : result.metric))!
  const { columns, rows } = panel.table(result)
  return rows
    .filter((row, index) =>
      columns.some(({ cell }) => {
        const shown = cell(row, index)
        return typeof shown === 'object' && shown.isIncomplete === true
      }),
    )
    .map(({ date }) => date)
}

const terminal = { color: false, isTty: true, width: 120, height: 20, unicode: true }

test('table, chart, SVG, check and page say what the stat says, of hours too', { tags: 'property' }, () =>
  assertProperty(
    fc.asyncProperty(someAnswer, async ({ flags, result, measured }) => {
      const dates = [...new Set(result.data.map(({ date }) => String(date)))]
      const open = dates.filter((_, row) => !flags[row])
      const texts = flags.map((flag) => (flag ? 'yes' : 'no'))
      expect(flagsOfTable(table(result, { ...terminal, isTty: false }))).toEqual(texts)
      expect(flagsOfTable(table(result, terminal))).toEqual(texts)
      expect(flagsOfTable([...csv(result)].join(''))).toEqual(flags.map(String))
      // One sparkline for each count, with a mark for each row.
      const sparkline = table(result, terminal)
        .split('\n')
        .find((line) => / max \d+$/.test(line))!
      expect([...sparkline.replace(/[^▁▂▃▄▅▆▇█░]/g, '')].map((mark) => mark !== '░')).toEqual(flags)
      const drawn = await chart(result, terminal)
      expect(/not complete/.test(drawn), drawn).toBe(open.length > 0)
      expect([...(await openDatesOfSvg(result))].sort()).toEqual(open)
      expect(openDatesOfPage(result)).toEqual(open)
      const ofKey = result.columns.some(({ name }) => name === 'key') ? '[key=a]' : ''
      for (const [row, date] of dates.entries()) {
        const text = `${measured}${ofKey}[date=${date}] > 0`
        const found = measuredValue(parseAssertion(text).subject as Measure, result)
        expect('unknown' in found ? found.unknown : 'complete').toMatch(
          flags[row] ? /^complete$/ : /is not complete yet/,
        )
      }
    }),
    30,
  ),
)
