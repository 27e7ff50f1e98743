/** What the page offers while one types: every name of the data, written so that it can be asked with as it is. */
import { expect } from 'vitest'
import type { Database } from '../../src/lib/db/connect.js'
import { parseField, parseSegment, parseSelector } from '../../src/lib/stats/filter/filter-parser.js'
import { storeEvents } from '../support/events.js'
import { withServing } from '../support/serve/serving.js'
import { browserTest, changing, shown, tableOf, withPage } from './browser.js'

const names = [
  'plain',
  'with blanks',
  'покупка',
  '購入 完了',
  '🛒 added',
  'say "hi"',
  "it's",
  'a.b',
  '$set',
  'a,b',
  'a and b',
]
const odd = [...names, 'x[1]', ' ends ', '*', 'refund:1-2', '>=5', 'and']

/** Event i has the type and the property of name i, each on a day of its own; and one that no completed batch has. */
async function before(db: Database) {
  const events = odd.map((name, index) => ({
    at: `2025-03-${String(index + 1).padStart(2, '0')}T10:00:00Z`,
    user: `u${index}`,
    type: name,
    properties: { [name]: index, nested: { [`${name}²`]: 1 } },
  }))
  await storeEvents(db, events)
  await storeEvents(db, [{ at: '2025-03-01T10:00:00Z', user: 'u', properties: { unseen: 1 } }], 'loading')
}

/** What a field of the page offers: the options of its list. */
const offered =
  'for (const id of ["segment", "step", "by"]) if (!document.getElementById(id + "-suggestions")) throw id;'
const optionsOf = (id: string) =>
  `(() => { ${offered} return [...document.getElementById('${id}-suggestions').options].map(({ value }) => value) })()`

browserTest('names with blanks, quotes and other scripts are offered, and each can be taken', () =>
  withServing(
    {},
    async ({ url }) => {
      await withPage({}, async ({ page, complaints }) => {
        await page.goto(url)
        await shown(page)
        const [segments, steps, fields] = (await Promise.all(
          ['segment', 'step', 'by'].map((id) => page.evaluate(optionsOf(id))),
        )) as [string[], string[], string[]]

        const conditions = segments.map((text) => parseSegment(text)).map(([only, ...more]) => [only!, more] as const)
        expect(conditions.filter(([, more]) => more.length > 0)).toEqual([])
        const types = conditions.filter(([{ field }]) => field.kind === 'event_type').flatMap(([{ values }]) => values)
        expect([...types].sort()).toEqual([...odd].sort())
        const paths = conditions.flatMap(([{ field }]) => (field.kind === 'property' ? [field.path.join('/')] : []))
        const expected = [...odd, 'nested', ...odd.map((name) => `nested/${name}²`)]
        expect([...paths].sort()).toEqual([...expected].sort())
        expect(steps.map((text) => parseSelector(text).eventType).sort()).toEqual([...odd].sort())
        expect(fields.map((text) => parseField(text).kind).filter((kind) => kind !== 'property')).toEqual([
          'event_type',
          'user_id',
        ])
        expect(fields).toHaveLength(expected.length + 2)
        // What needs no quotes has none.
        for (const text of ['event_type:покупка', 'properties.$set:*', 'properties."a.b":*']) {
          expect(segments).toContain(text)
        }

        await page.getByRole('button', { name: 'Add a filter' }).click()
        for (const text of ['event_type:"say ""hi"""', 'properties."購入 完了":*']) {
          expect(segments).toContain(text)
          await changing(page, async () => {
            await page.getByLabel('Filter 1', { exact: true }).fill(text)
            await page.keyboard.press('Enter')
          })
          expect((await tableOf(page, 'top-events')).slice(1).map(([, events]) => events)).toEqual(['1'])
        }
        expect(complaints).toEqual([])
      })
    },
    { before },
  ),
)
