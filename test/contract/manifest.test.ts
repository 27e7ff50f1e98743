import { readdirSync, readFileSync } from 'node:fs'
import { beforeAll, expect, test } from 'vitest'
import { withPool } from '../../src/lib/db/connect.js'
import { stats } from '../../src/lib/stats/catalog.js'
import { kebab, paramsOf } from '../../src/lib/stats/params.js'
import { builtOnce, ea } from '../support/binary.js'
import { freshDatabase } from '../support/database.js'
import { storeEvents } from '../support/events.js'

interface Manifest {
  version: string
  commands: Record<string, { flags: Record<string, { default?: unknown; options?: string[]; description: string }> }>
}
let manifest: Manifest

beforeAll(async () => {
  await builtOnce()
  manifest = JSON.parse(readFileSync('oclif.manifest.json', 'utf8'))
}, 300_000)

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
      if (param.kind !== 'flag')
        expect(flag.default).toBe(param.default === undefined ? undefined : String(param.default))
      if (param.choices.length > 0) expect(flag.options).toEqual(param.choices)
    }
  }
})

const metaKeys = ['from', 'to', 'tz', 'week_start', 'as_of', 'definition', 'data_until', 'source', 'warnings']

test('the JSON of a stat has exactly the documented keys', async () => {
  const { url, drop } = await freshDatabase()
  try {
    await withPool({ url, schema: 'ea' }, (db) => storeEvents(db, [{ at: '2025-08-01T10:00:00Z', user: 'ann' }]))
    const keys = async (args: string[]) => {
      const ended = await ea(['stats', ...args, '--json'], { env: { DATABASE_URL: url } })
      const result = JSON.parse(ended.stdout)
      expect(Object.keys(result)).toEqual(['metric', 'data', 'meta'])
      expect(Object.keys(result.meta)).toEqual(metaKeys)
      return Object.keys(result.data[0])
    }
    expect(await keys(['dau'])).toEqual(['date', 'unique_users', 'complete'])
    expect(await keys(['top-events'])).toEqual(['event_type', 'events', 'share'])
    expect(await keys(['top-events', '--unique-users'])).toEqual(['event_type', 'events', 'share', 'unique_users'])
  } finally {
    await drop()
  }
})
