/** What package.json says holds elsewhere, too: each dependency has a reason, and the program knows its release. */
import { readFileSync } from 'node:fs'
import { beforeAll, expect, test } from 'vitest'
import { packageVersion } from '../../src/lib/core/package.js'
import { builtOnce, ea } from '../support/binary.js'
import { withServeCommand } from '../support/serve/serve-command.js'

beforeAll(builtOnce)

interface Package {
  readonly version: string
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}
const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Package
const own = read('package.json')
const names = (dependencies: Readonly<Record<string, string>> | undefined) => Object.keys(dependencies ?? {})

/** The packages of the first column of each table; `@types/*` stands for all of these. */
function explained(title: string): string[] {
  const section = readFileSync('docs/decisions/dependencies.md', 'utf8')
    .split(/^## /m)
    .find((part) => part.startsWith(title))!
  return [...section.matchAll(/^\| (`.*?`) \|/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!),
  )
}

/** What stands in only one of two lists, and what stands in one of them twice. */
function difference(listed: readonly string[], installed: readonly string[]) {
  const isFor = (pattern: string) => (name: string) =>
    pattern.endsWith('/*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
  return {
    unexplained: installed.filter((name) => !listed.some((pattern) => isFor(pattern)(name))),
    gone: listed.filter((pattern) => !installed.some(isFor(pattern))),
    twice: listed.filter((pattern, index) => listed.indexOf(pattern) !== index),
  }
}
const none = { unexplained: [], gone: [], twice: [] }

test('docs/decisions/dependencies.md has a line for each dependency, and for no other', () => {
  expect(difference(explained('At run time'), names(own.dependencies))).toEqual(none)
  expect(difference(explained('Optional'), names(own.optionalDependencies))).toEqual(none)
  // The rivals of a benchmark are explained where they are measured.
  const { dependencies } = read('bench/package.json')
  const forBench = names(dependencies).filter((name) => explained('For development').includes(name))
  expect(difference(explained('For development'), [...names(own.devDependencies), ...forBench])).toEqual(none)
})

test('the lock file sends nobody to a registry of somebody', () => {
  const addresses = readFileSync('package-lock.json', 'utf8').match(/"resolved": "[^"]+"/g) ?? []
  expect(addresses.filter((line) => !line.startsWith('"resolved": "https://registry.npmjs.org/'))).toEqual([])
})

test('built, the program knows its release and finds its files, however deep they were bundled', async () => {
  expect(packageVersion()).toBe(own.version)
  expect((await ea(['--version'])).stdout).toContain(own.version)
  await withServeCommand([], async ({ url }) => {
    const [health, openApi] = await Promise.all(
      ['/health', '/openapi.json'].map(async (path) => (await fetch(url + path)).json()),
    )
    expect(health).toEqual({ status: 'ok', version: own.version })
    expect((openApi as { info: unknown }).info).toMatchObject({ version: own.version })
    // What it looks up in another package.
    expect((await fetch(`${url}/docs/swagger-ui.css`)).status).toBe(200)
  })
})
