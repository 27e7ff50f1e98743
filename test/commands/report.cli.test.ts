/** `ea report` as a user runs it: a file that is whole or not there, pictures, formats, and what starts without it. */
import { readdirSync, readFileSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readXml } from '../checks/reporters/xml-reader.js'
import { binary, builtOnce, ea } from '../support/binary.js'
import { freshDatabase } from '../support/postgres/database.js'
import { withScratchFolder } from '../support/temp-dir.js'

let env: Record<string, string>
let drop: () => Promise<void>

beforeAll(async () => {
  await builtOnce()
  const { url, drop: dropIt } = await freshDatabase()
  drop = dropIt
  env = { DATABASE_URL: url }
  expect(await ea(['import', 'examples/events.csv', '--quiet'], { env })).toMatchObject({ code: 0 })
})

afterAll(() => drop())

test('to stdout: one HTML file, and nothing else', async () => {
  const ended = await ea(['report', '--title', 'August & more', '--quiet'], { env })
  expect(ended).toMatchObject({ code: 0, stderr: '' })
  expect(ended.stdout).toMatch(/^<!DOCTYPE html>\n<html lang="en">[\s\S]*<\/html>\n$/)
  expect(ended.stdout).toContain('<title>August &amp; more</title>')
  expect(ended.stdout.length).toBeLessThan(1_000_000)
})

test('to a file, with its pictures', () =>
  withScratchFolder(async (folder) => {
    const file = join(folder, 'report.html')
    const charts = join(folder, 'a', 'charts')
    const steps = ['--step', 'signup', '--step', 'purchase', '--window', '30d']
    const ended = await ea(['report', ...steps, '-o', file, '--charts-dir', charts], { env })
    expect(ended).toMatchObject({ code: 0, stdout: '' })
    expect(await readFile(file, 'utf8')).toMatch(/<\/html>\n$/)
    const names = ['active-users.svg', 'funnel.svg', 'retention.svg', 'top-events.svg']
    expect((await readdir(charts)).sort()).toEqual(names)
    for (const name of names) expect(readXml(await readFile(join(charts, name), 'utf8')).name).toBe('svg')
    for (const path of [file, ...names.map((name) => join(charts, name))]) expect(ended.stderr).toContain(`${path}\n`)
  }))

test('what fails leaves the file that was there, and none beside it', () =>
  withScratchFolder(async (folder) => {
    const file = join(folder, 'report.html')
    await writeFile(file, 'before')
    const ended = await ea(['report', '--step', 'signup', '-o', file], { env })
    expect(ended).toMatchObject({ code: 2, stdout: '' })
    expect(ended.stderr).toContain('--step must be given 2 to 20 times')
    expect(await readFile(file, 'utf8')).toBe('before')
    expect(await readdir(folder)).toEqual(['report.html'])
    const nowhere = await ea(['report', '-o', join(folder, 'no', 'such.html')], { env })
    expect(nowhere).toMatchObject({ code: 2, stdout: '' })
    const blocked = await ea(['report', '--charts-dir', file], { env })
    expect(blocked).toMatchObject({ code: 2, stdout: '' })
    expect(blocked.stderr).toContain(`${file} cannot be written`)
  }))

describe('formats', () => {
  test('md is Markdown with the same headlines as JSON', async () => {
    const md = await ea(['report', '--format', 'md'], { env })
    expect(md.stdout).toMatch(/^# Event report\n\n/)
    const json = await ea(['report', '--json'], { env })
    expect(json).toMatchObject({ code: 0, stderr: '' })
    const report = JSON.parse(json.stdout)
    expect(report.sections.map(({ id }: { id: string }) => id)).toEqual(['active-users', 'top-events', 'retention'])
    for (const { name, value, kind } of report.headlines) {
      if (kind === 'count') expect(md.stdout).toContain(`| ${name} | ${value.toLocaleString('en-US')} |`)
    }
  })

  test('--json with another format is refused', async () => {
    const ended = await ea(['report', '--json', '--format', 'md'], { env })
    expect(ended.code).toBe(2)
    expect(JSON.parse(ended.stdout).error.message).toBe('--json and --format md cannot be combined.')
  })
})

test('help names the defaults that the schema has', async () => {
  const { stdout } = await ea(['report', '--help'])
  expect(stdout).toContain('[default: Event report]')
  expect(stdout).toContain('[default: monday]')
})

/** Every file that is loaded before anything is asked for. */
function loadedAtOnce(entry: string, seen = new Set<string>()): Set<string> {
  if (seen.has(entry)) return seen
  seen.add(entry)
  for (const [, path] of readFileSync(entry, 'utf8').matchAll(/(?:\bfrom|\bimport)\s*"(\.[^"]+)"/g)) {
    loadedAtOnce(resolve(dirname(entry), path!), seen)
  }
  return seen
}

test('nothing that starts loads the charts: they come when something is drawn', () => {
  const dist = join(dirname(binary), '..', 'dist')
  const isOfCharts = (path: string) => readFileSync(path, 'utf8').includes('text-anchor')
  const commands = ['report.js', ...readdirSync(join(dist, 'commands/stats')).map((name) => `stats/${name}`)]
  const entries = [
    'lib/cli/main.js',
    ...commands.filter((name) => name.endsWith('.js')).map((name) => `commands/${name}`),
  ]
  for (const entry of entries) {
    expect([...loadedAtOnce(join(dist, entry))].filter(isOfCharts), entry).toEqual([])
  }
  // The search finds what there is to find.
  expect(readdirSync(join(dist, 'lib/chunks')).some((name) => isOfCharts(join(dist, 'lib/chunks', name)))).toBe(true)
})
