/** The end of a test file's name is its tier (vitest.config.ts): here, that no file claims one that it cannot run in. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const files = readdirSync('test', { recursive: true })
  .map((name) => join('test', String(name)))
  .filter((path) => path.endsWith('.test.ts'))

/** A test file and all modules of `test/` that it reaches. */
function modulesOf(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return seen
  seen.add(path)
  for (const [, name] of readFileSync(path, 'utf8').matchAll(/ from '(\.[^']+)\.js'/g)) {
    const module = `${join(dirname(path), name!)}.ts`
    if (module.startsWith('test/') && existsSync(module)) modulesOf(module, seen)
  }
  return seen
}

/** What a module gives to the tests that reach it, and the tiers that have it. */
const needs: readonly [module: RegExp, tiers: readonly string[]][] = [
  [/^test\/support\/postgres\/database\.ts$/, ['db', 'cli', 'proof']],
  [/^test\/support\/binary\.ts$/, ['cli', 'proof']],
  [/^test\/support\/postgres\/server\.ts$/, ['db', 'cli', 'proof']],
  [/\/browser\.ts$/, ['proof']],
]

test.each(files)('%s is in a tier that has what it needs', (path) => {
  const tier = /\.(db|cli|proof)\.test\.ts$/.exec(path)?.[1] ?? 'unit'
  for (const module of modulesOf(path)) {
    for (const [pattern, tiers] of needs) if (pattern.test(module)) expect(tiers, module).toContain(tier)
  }
})

test('a file that source code names in a comment exists', () => {
  const paths = (folder: string) =>
    readdirSync(folder, { recursive: true })
      .map((name) => join(folder, String(name)))
      .filter((path) => /\.(ts|js)$/.test(path))
  const all = [...paths('src'), ...paths('test')]
  const named = paths('src').flatMap((path) =>
    (readFileSync(path, 'utf8').match(/^ *\*.*|(?<=^|\s)(\/\/|\/\*\*) .*/gm) ?? [])
      .flatMap((comment) => comment.match(/(?<![\w/.-])[\w/.-]*[\w-]\.ts\b/g) ?? [])
      .map((name) => ({ path, name })),
  )
  expect(named.length).toBeGreaterThan(20)
  const exists = (name: string) => all.some((path) => `/${path}`.endsWith(`/${name}`))
  expect(named.filter(({ name }) => !exists(name))).toEqual([])
})
