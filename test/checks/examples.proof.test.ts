/** What stands in examples/ does what it says: the workflow step by step, and the script of cron with each exit code. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { parse } from 'yaml'
import { binary, builtOnce } from '../support/binary.js'
import { freshDatabase } from '../support/postgres/database.js'
import { readXml } from './reporters/xml-reader.js'

const examples = fileURLToPath(new URL('../../examples', import.meta.url))
let folder: string
let url: string
let drop: () => Promise<void>

beforeAll(async () => {
  await builtOnce()
  ;({ url, drop } = await freshDatabase())
})
afterAll(() => drop())
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ea-examples-'))
  mkdirSync(join(folder, 'bin'))
  symlinkSync(binary, join(folder, 'bin/ea'))
  symlinkSync(examples, join(folder, 'examples'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Runs bash in the folder, where `ea` is on the PATH. */
function bash(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { PATH, HOME } = process.env
  const { status, stdout, stderr } = spawnSync('bash', args, {
    cwd: folder,
    env: { PATH: [join(folder, 'bin'), PATH].join(delimiter), HOME, DATABASE_URL: url, ...env },
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

interface Step {
  readonly name?: string
  readonly run?: string
  readonly with?: Readonly<Record<string, unknown>>
}

test('the workflow imports, checks and leaves the report that it uploads', () => {
  const workflow = parse(readFileSync(join(examples, 'github-actions.yml'), 'utf8'))
  const steps: Step[] = workflow.jobs.check.steps
  const step = (name: string) => steps.find((each) => each.name === name)!
  const run = (name: string) =>
    bash(['-e', '-c', step(name).run!], { GITHUB_STEP_SUMMARY: join(folder, 'summary.md'), NO_COLOR: '1' })

  expect(run('Import')).toMatchObject({ status: 0 })
  const { status, stdout, stderr } = run('Check')
  expect(status, stderr).toBe(0)
  expect(stdout.split('\n').at(-2)).toBe('8 checks: 7 passed, 1 warned')
  const warning = /^::warning file=examples\/checks\.yaml,line=\d+,col=5,title=warn%3A Week-one retention holds::/m
  expect(stdout + stderr).toMatch(warning)
  expect(readFileSync(join(folder, 'summary.md'), 'utf8')).toMatch(
    /^## ea check\n\n\*\*8 checks: 7 passed, 1 warned\*\*\n/,
  )
  const uploaded = String(step('Keep the JUnit report').with?.path)
  const [suite] = readXml(readFileSync(join(folder, uploaded), 'utf8')).children
  expect(suite?.attributes).toMatchObject({ tests: '8', failures: '0', errors: '0', skipped: '1' })
})

/** Runs the script over a folder with one file of records, and gives what the alert program was told. */
function nightly(checks: string, { records = '', ea = 'ea' } = {}) {
  const files = join(folder, 'files')
  mkdirSync(files)
  writeFileSync(join(files, 'events.csv'), records || readFileSync(join(examples, 'events.csv')))
  writeFileSync(join(folder, 'checks.yaml'), checks)
  const told = join(folder, 'told')
  program('tell', `{ echo "$1"; cat; } >> '${told}'`)
  const run = bash([join(examples, 'nightly.sh')], {
    EA: ea,
    EA_FILES: files,
    EA_CHECKS: join(folder, 'checks.yaml'),
    EA_ALERT: join(folder, 'bin/tell'),
  })
  return { ...run, told: spawnSync('cat', [told], { encoding: 'utf8' }).stdout }
}

function program(name: string, script: string): string {
  const path = join(folder, 'bin', name)
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
  return path
}

const checkOf = (assert: string) => `defaults: { as_of: 2025-03-02 }
checks: [{ name: Enough people, stat: dau, params: { from: -7d, to: yesterday }, assert: "${assert}" }]
`
const holds = checkOf('min(unique_users) >= 1')

test('the script is silent when all is well, and does it twice without harm', () => {
  const quiet = { status: 0, stdout: '', stderr: '', told: '' }
  expect(nightly(holds)).toEqual(quiet)
  rmSync(join(folder, 'files'), { recursive: true })
  expect(nightly(holds)).toEqual(quiet)
})

test.each([
  [6, 'ea: a metric broke its promise', checkOf('min(unique_users) >= 1000')],
  [7, 'ea: a check could not be decided', checkOf('unique_users >= 1')],
  [2, 'ea: the file of checks is wrong, nothing was checked', checkOf('unique_user >= 1')],
])('the script ends with %i and tells: %s', (code, subject, checks) => {
  const { status, stderr, told } = nightly(checks)
  expect({ status, stderr }).toEqual({ status: code, stderr: '' })
  expect(told.split('\n')[0]).toBe(subject)
  expect(told).toContain(code === 2 ? 'unique_users' : 'Enough people')
})

test('a refused file is told, and the checks run all the same', () => {
  const records = readFileSync(join(examples, 'broken.csv'), 'utf8')
  expect(bash(['-c', 'ea import examples/events.csv']).status).toBe(0)
  const refused = nightly(holds, { records })
  expect(refused.status).toBe(3)
  expect(refused.told).toMatch(/^ea: a file was refused, too many of its records are rejected\n/)
  rmSync(join(folder, 'files'), { recursive: true })
  rmSync(join(folder, 'told'))
  const both = nightly(checkOf('min(unique_users) >= 1000'), { records })
  expect(both.status).toBe(6)
  expect(both.told).toMatch(/^ea: a file was refused[\s\S]*^ea: a metric broke its promise$/m)
})

// What is hard to bring about comes from a program that ends with this code at once.
test.each([
  ['import', 75, ''],
  ['import', 143, ''],
  ['import', 5, 'ea: the database cannot be reached or is not migrated'],
  ['import', 1, 'ea: the import failed with exit code 1'],
  ['check', 75, ''],
  ['check', 5, 'ea: the database cannot be reached or is not migrated'],
  ['check', 1, 'ea: the checks failed with exit code 1'],
])('the script when ea %s ends with %i', (command, code, subject) => {
  const ea = program('fake', `if [ "$1" = ${command} ]; then echo the output; exit ${code}; fi`)
  const { status, stderr, told } = nightly(holds, { ea })
  expect({ status, stderr, told }).toEqual({
    status: code,
    stderr: '',
    told: subject === '' ? '' : `${subject}\nthe output\n`,
  })
})

test('without an alert program the script tells by stderr, and without a folder it says what is missing', () => {
  const ea = program('fake', 'if [ "$1" = check ]; then echo the output; exit 6; fi')
  const env = { EA: ea, EA_FILES: folder, EA_CHECKS: 'checks.yaml' }
  expect(bash([join(examples, 'nightly.sh')], env)).toEqual({
    status: 6,
    stdout: '',
    stderr: 'ea: a metric broke its promise\n\nthe output\n',
  })
  expect(bash([join(examples, 'nightly.sh')], {}).stderr).toMatch(/EA_FILES: the folder with the files to import/)
})

const hasShellcheck = spawnSync('shellcheck', ['--version']).status === 0
test.skipIf(!hasShellcheck)('shellcheck finds nothing in the script (needs the Debian package shellcheck)', () => {
  const { status, stdout } = spawnSync('shellcheck', [join(examples, 'nightly.sh')], { encoding: 'utf8' })
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
})
