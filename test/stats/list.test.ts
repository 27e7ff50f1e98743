import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { listStats, stats } from '../../src/lib/stats/catalog.js'

test('every stat has one name: that of its file, its command and its test', () => {
  const commands = readdirSync(new URL('../../src/commands/stats', import.meta.url)).filter(
    (name) => name !== 'list.ts',
  )
  const names = stats.map(({ name }) => name)
  expect([...names].sort()).toEqual(commands.map((name) => name.replace(/\.ts$/, '')).sort())
  const files = readdirSync(new URL('../../src/lib/stats', import.meta.url))
  const tests = readdirSync(new URL('.', import.meta.url))
  for (const name of names) {
    expect(files).toContain(`${name}.ts`)
    expect(tests).toContain(`${name}.db.test.ts`)
  }
})

test('the list names each stat with a command line of its own', () => {
  const { data } = listStats()
  expect(data.map(({ name }) => name)).toEqual(stats.map(({ name }) => name))
  for (const row of data) {
    expect(row.example).toMatch(new RegExp(`^ea stats ${row.name}( |$)`))
    expect(row.summary).not.toBe('')
  }
})
