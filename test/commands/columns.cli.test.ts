/** `ea columns …` as a user runs it: the same answers with and without, and files that follow what is imported. */
import { beforeAll, expect, test } from 'vitest'
import { builtOnce } from '../support/binary.js'
import { type Bench, withBench } from './import-content.js'

beforeAll(builtOnce)

const questions: readonly (readonly string[])[] = [
  ['dau', '--segment', 'properties.country:UA', '--segment', 'properties.price>20', '--from', '2025-01-01'],
  ['trend', '--by', 'properties.country', '--measure', 'unique_users', '--grain', 'week', '--from', '2025-01-01'],
  ['top-events', '--unique-users', '--tz', 'Europe/Kyiv', '--from', '2025-01-01'],
  ['retention', '--start-event', 'view_item', '--return-event', 'purchase', '--start-date', '2025-01-06'],
  ['funnel', '--step', 'view_item', '--step', 'add_to_cart', '--step', 'purchase', '--from', '2025-01-01'],
]

/** The column store is in the folder of the test. */
const withFolder = (use: (bench: Pick<Bench, 'ea' | 'json'>) => Promise<void>) =>
  withBench(({ ea, json, folder }) =>
    use({ ea: (args) => ea([...args, '--data-dir', folder]), json: (args) => json([...args, '--data-dir', folder]) }),
  )

test('columns answer as the events do, say what was read, and go when they are told to', async () => {
  await withFolder(async ({ ea, json }) => {
    await ea(['import', 'examples/events.csv'])
    expect(await json(['columns', 'status'])).toMatchObject({ code: 0, kept: false })
    expect(await json(['columns', 'build'])).toMatchObject({ code: 0, built: false })
    const refused = await json(['stats', 'dau', '--source', 'columns'])
    expect(refused).toMatchObject({
      code: 2,
      error: { message: 'The column store cannot answer: there is no column store.' },
    })
    const added = await json(['columns', 'add', '--properties', 'country,properties.price'])
    expect(added).toMatchObject({
      code: 0,
      properties: ['properties.country', 'properties.price'],
      files: 1,
      events: 5000,
    })
    for (const question of questions) {
      const events = await json(['stats', ...question, '--source', 'events'])
      const columns = await json(['stats', ...question])
      expect(columns.meta, question.join(' ')).toMatchObject({ source: 'columns', column_files: 1, tail_events: 0 })
      expect(columns.data, question.join(' ')).toEqual(events.data)
    }
    expect((await json(['stats', 'dau'])).meta).toMatchObject({ source: 'rollups' })
    expect((await ea(['columns', 'status'])).stdout).toMatch('1 file with 5,000 events')
    expect((await ea(['columns', 'remove'])).stdout).toBe('The column store is removed.\n')
    expect((await ea(['columns', 'remove'])).stdout).toBe('There was no column store.\n')
  })
})

test('--auto takes the properties that many events have; a name that is none is refused', async () => {
  await withFolder(async ({ ea, json }) => {
    await ea(['import', 'examples/events.csv'])
    expect((await json(['columns', 'add', '--auto'])).properties).toContain('properties.country')
    expect(await json(['columns', 'add', '--properties', 'a:b'])).toMatchObject({ code: 2, error: { code: 'usage' } })
  })
})
