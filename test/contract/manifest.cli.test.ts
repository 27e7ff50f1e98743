import { readdirSync, readFileSync } from 'node:fs'
import { beforeAll, expect, test } from 'vitest'
import { withPool } from '../../src/lib/db/connect.js'
import { stats } from '../../src/lib/stats/catalog.js'
import { kebab, paramsOf } from '../../src/lib/stats/query/params.js'
import { builtOnce, ea } from '../support/binary.js'
import { storeEvents } from '../support/events.js'
import { freshDatabase } from '../support/postgres/database.js'

interface Manifest {
  version: string
  commands: Record<string, { flags: Record<string, { default?: unknown; options?: string[]; description: string }> }>
}
let manifest: Manifest

beforeAll(async () => {
  await builtOnce()
  manifest = JSON.parse(readFileSync('oclif.manifest.json', 'utf8'))
})

test('the manifest has every command file, and nothing else', () => {
  const files = readdirSync('src/commands', { recursive: true }).map(String)
  const ids = files.filter((file) => file.endsWith('.ts')).map((file) => file.slice(0, -3).replaceAll(/[\\/]/g, ':'))
  expect(Object.keys(manifest.commands).sort()).toEqual(ids.map((id) => id.replace(/:?index$/, '')).sort())
  expect(manifest.version).toBe(JSON.parse(readFileSync('package.json', 'utf8')).version)
})

test('every stat is a command with its parameters, defaults and descriptions', () => {
  for (const stat of stats) {
    const { flags } = manifest.commands[`stats:${stat.name}`]!
    for (const param of paramsOf(stat.params)) {
      const flag = flags[kebab(param.name)]!
      expect(flag.description).toBe(param.description)
      // A list is empty by default, and a flag that was not given is.
      const text = param.default === undefined || param.isList ? undefined : String(param.default)
      if (param.kind !== 'flag') expect(flag.default).toBe(text)
      if (param.choices.length > 0) expect(flag.options).toEqual(param.choices)
    }
  }
})

// What every stat says, in this order; between them and the warnings stands what only one stat has.
const metaKeys = [
  ...['from', 'to', 'default_range', 'tz', 'week_start', 'as_of', 'segment'],
  ...['definition', 'data_from', 'data_until', 'complete_until', 'range_complete'],
  ...['hides_later_events', 'source'],
]

const columns: Record<string, [args: string[], own: string[], keys: string[]]> = {
  dau: [[], ['grain'], ['date', 'unique_users', 'complete']],
  wau: [[], [], ['date', 'unique_users', 'complete']],
  mau: [[], [], ['date', 'unique_users', 'complete']],
  'top-events': [['--unique-users'], ['limit', 'unique_users'], ['event_type', 'events', 'share', 'unique_users']],
  trend: [
    ['--by', 'event_type'],
    ['grain', 'by', 'measure', 'limit', 'keys_left_out'],
    ['date', 'key', 'others', 'value', 'complete'],
  ],
  retention: [
    [],
    ['windows', 'window_type', 'cohort', 'mode', 'clock', 'min_return_events', 'mean'],
    ['cohort', 'size', 'users', 'rates', 'complete'],
  ],
  funnel: [
    ['--step', 'view', '--step', 'view'],
    ['step', 'window', 'order', 'exclude', 'pending_users'],
    [
      ...['step', 'event_type', 'users', 'rate_from_first', 'rate_from_previous'],
      ...['median_seconds', 'mean_seconds'],
    ],
  ],
  lifecycle: [[], ['grain'], ['date', 'new', 'returning', 'resurrecting', 'dormant', 'complete']],
  stickiness: [[], ['grain'], ['periods_active', 'users']],
  describe: [
    [],
    ['limit', 'types_left_out'],
    [
      ...['event_type', 'property', 'kind', 'events', 'share', 'users', 'values', 'top', 'min', 'max'],
      ...['first', 'last', 'estimated'],
    ],
  ],
}

test('the JSON of a stat has exactly the documented keys', async () => {
  const { url, drop } = await freshDatabase()
  try {
    await withPool({ url, schema: 'ea' }, (db) => storeEvents(db, [{ at: '2025-08-01T10:00:00Z', user: 'ann' }]))
    expect(Object.keys(columns)).toEqual(stats.map(({ name }) => name))
    for (const [name, [args, own, keys]] of Object.entries(columns)) {
      const ended = await ea(['stats', name, ...args, '--json'], { env: { DATABASE_URL: url } })
      const result = JSON.parse(ended.stdout)
      expect(Object.keys(result), name).toEqual(['metric', 'data', 'meta'])
      expect(Object.keys(result.meta).slice(0, metaKeys.length), name).toEqual(metaKeys)
      expect(Object.keys(result.meta).slice(metaKeys.length).sort(), name).toEqual([...own, 'warnings'].sort())
      expect(Object.keys(result.data[0]), name).toEqual(keys)
    }
  } finally {
    await drop()
  }
})
