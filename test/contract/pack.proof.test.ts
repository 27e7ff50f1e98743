/**
 * The package works where nothing else is: packed, installed in an empty folder with an empty home, asked by its program
 * and as a library, judged by publint and by Are the types wrong.
 */
import { type ExecFileOptions, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { blocksOf } from '../guide/document.js'
import { builtOnce } from '../support/binary.js'
import { zipOf } from '../support/import/archives.js'
import { writeParquet } from '../support/import/parquet.js'
import { canInstall, type Installed, install, type Packed, pack } from '../support/postgres/installed.js'
import { temporaryFolder } from '../support/postgres/server.js'

let scratch: string
let packed: Packed
beforeAll(async () => {
  await builtOnce()
  scratch = await temporaryFolder()
  packed = await pack(scratch)
})
afterAll(() => rm(scratch, { recursive: true, force: true }))

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`

/** stdout of a program that ends well; else an error with what it says. */
async function output(program: string, args: readonly string[], options: ExecFileOptions = {}): Promise<string> {
  const ended = promisify(execFile)(program, args, { ...options, encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 })
  const { stdout } = await ended.catch((error) => {
    throw new Error(`${program} ${args.join(' ')}: ${error.message}\n${error.stdout}`)
  })
  return stdout
}

describe('the tarball', () => {
  // Each file of it is one of these.
  const wanted = [
    /^(package|oclif\.manifest)\.json$/,
    /^(README|CHANGELOG)\.md$|^LICENSE$/,
    /^bin\/run\.js$/,
    /^dist\/index(\.d)?\.[jt]s$/,
    // The commands, where they begin, and what they share: bundled, so without types.
    /^dist\/(commands\/.+|lib\/cli\/main|lib\/chunks\/[^/]+)\.js$/,
    /^dist\/lib\/serve\/page\/files\/[^/]+\.(html|css|js|svg)$/,
    // The library: what index reaches, and no skin.
    /^dist\/lib\/(?!cli|serve|chunks).+(\.js|\.d\.ts)$/,
    // The kernel of imports, beside its host: in the library and in the bundle.
    /^dist\/lib\/(load\/direct|chunks)\/kernel\.wasm$/,
    /^migrations\/\d{4}_\w+\.sql$/,
    /^presets\/[\w-]+\.yaml$/,
    /^examples\/[^/]+$/,
  ]

  test('has what is needed and nothing else', () => {
    const { files, sizeBytes, unpackedBytes } = packed
    process.stderr.write(
      `event-analytics: ${megabytes(sizeBytes)} packed, ${megabytes(unpackedBytes)} in ${files.length} files\n`,
    )
    const paths = files.map(({ path }) => path)
    expect(paths.filter((path) => !wanted.some((pattern) => pattern.test(path)))).toEqual([])
    expect(wanted.filter((pattern) => !paths.some((path) => pattern.test(path)))).toEqual([])
    expect(paths.filter((path) => /test|\.map$|tsbuildinfo/.test(path))).toEqual([])
    expect(sizeBytes).toBeLessThan(2_000_000)
  })

  test('has every command, every migration and every preset', async () => {
    const commands = Object.keys(JSON.parse(await readFile('oclif.manifest.json', 'utf8')).commands)
    const paths = packed.files.map(({ path }) => path)
    const below = (folder: string) => paths.filter((path) => path.startsWith(folder)).sort()
    expect(below('dist/commands/')).toEqual(commands.map((id) => `dist/commands/${id.replaceAll(':', '/')}.js`).sort())
    expect(below('presets/')).toEqual((await readdir('presets')).map((name) => `presets/${name}`).sort())
    expect(below('migrations/')).toEqual((await readdir('migrations')).map((name) => `migrations/${name}`).sort())
  })

  test('names no folder of the machine that packed it', async () => {
    const places = [resolve('.'), `${homedir()}/`, scratch]
    for (const { path } of packed.files) {
      const text = await readFile(path, 'utf8')
      expect(
        places.filter((place) => text.includes(place)),
        path,
      ).toEqual([])
    }
  })

  test('publint finds nothing', async () => {
    const tarball = await readFile(packed.tarball)
    const { messages, pkg } = await publint({ pack: { tarball: new Uint8Array(tarball).buffer }, strict: true })
    expect(messages.map((message) => formatMessage(message, pkg!))).toEqual([])
  })

  test('its types are right for every program that may import it', async () => {
    const attw = resolve('node_modules/@arethetypeswrong/cli/dist/index.js')
    const told = await output(process.execPath, [attw, packed.tarball, '--profile', 'esm-only', '--format', 'json'])
    // `require` meets an ES module, which Node can load since 20.19: below, a program does it.
    expect(Object.keys(JSON.parse(told).problems)).toEqual(['CJSResolvesToESM'])
  })
})

const canAskRegistry = canInstall()
if (!canAskRegistry)
  process.stderr.write('The registry of npm cannot be reached: nothing is installed, so not tried.\n')

describe.skipIf(!canAskRegistry)('installed in an empty folder', () => {
  let app: Installed
  beforeAll(async () => {
    app = await install(scratch, packed)
  })

  const ea = (...args: readonly string[]) => output(app.program, args, { env: app.env, cwd: app.folder })
  const events = 'node_modules/event-analytics/examples/events.csv'

  test('ea imports, answers and reports', async () => {
    expect(await ea('import', events)).toContain('5,000 read, 5,000 inserted, 0 duplicates, 0 rejected')
    const retention = await ea('stats', 'retention', '--start-date', '2025-01-27', '--windows', '4', '--json')
    const { data } = JSON.parse(retention)
    expect(data.map(({ size }: { size: number }) => size)).toEqual([47, 48, 51, 53, 50])
    expect(data[0].users.slice(0, 4)).toEqual([47, 4, 2, 3])
    await ea('report', '--output', 'report.html')
    expect(await readFile(join(app.folder, 'report.html'), 'utf8')).toMatch(/^<!doctype html>[\s\S]+<\/html>\s*$/i)
    // Nothing was left in the home of who ran it.
    expect((await readdir(app.env.HOME!)).filter((name) => name !== '.npm')).toEqual([])
  })

  test('ea reads archives and Parquet', async () => {
    await ea('import', events)
    await writeFile(join(app.folder, 'x.zip'), await zipOf({ 'a.csv': await readFile(join(app.folder, events)) }))
    expect(await ea('import', 'x.zip')).toContain('x.zip/a.csv: already imported')
    await writeParquet(
      join(app.folder, 'x.parquet'),
      `SELECT uuid() AS event_id, TIMESTAMP '2025-01-01' AS occurred_at, 'u' AS user_id, 'x' AS event_type`,
    )
    expect(await ea('import', 'x.parquet', '--dry-run')).toContain('1 read, 1 inserted')
  })

  test('ea serve shows its page, answers and ends when it is asked to', async () => {
    await ea('import', events)
    const child = spawn(app.program, ['serve', '--port', '0'], {
      env: app.env,
      cwd: app.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stderr = ''
    child.stderr!.on('data', (part) => {
      stderr += part
    })
    const ended = once(child, 'close')
    try {
      const [url] = (await Promise.race([
        once(createInterface(child.stdout!), 'line'),
        ended.then(([code]) => {
          throw new Error(`ea serve ended with ${code}: ${stderr}`)
        }),
      ])) as [string]
      const page = await fetch(`${url}/`, { headers: { accept: 'text/html' } })
      expect([page.status, await page.text()]).toEqual([200, expect.stringMatching(/^<!doctype html>/i)])
      const script = await fetch(`${url}/page/main.js`)
      expect([script.status, (await script.text()).length > 10_000]).toEqual([200, true])
      const answer = await fetch(`${url}/stats/dau?from=2025-02-27&to=2025-03-01`)
      expect(await answer.json()).toMatchObject({
        data: [{ unique_users: 14 }, { unique_users: 12 }, { unique_users: 7 }],
      })
      child.kill('SIGTERM')
      expect(await ended).toEqual([0, null])
    } finally {
      child.kill('SIGKILL')
    }
  })

  test('a program imports the library, and tsc knows its types', async () => {
    await ea('import', events)
    const program = `import { dau, parseConfig, withDatabase } from 'event-analytics'
const answer = await withDatabase(parseConfig(), async (db) => {
  // @ts-expect-error there is no such parameter
  await dau(db, { grian: 'day' }).catch((error) => console.log(error.code))
  // @ts-expect-error there is no such grain
  await dau(db, { grain: 'fortnight' }).catch((error) => console.log(error.code))
  const { rows } = await db.pool.query('SELECT 1 AS one')
  // @ts-expect-error a pool is no any
  db.pool.nothing
  console.log(rows[0].one)
  return dau(db, { from: '2025-02-27', to: '2025-03-01' })
})
console.log(answer.data.map((row) => row.unique_users).join())
// @ts-expect-error there is no such column
answer.data[0]?.users
// @ts-expect-error nor such a meta
answer.meta.weekstart
const grain: 'day' | 'week' | 'month' = answer.meta.grain
`
    const options = { module: 'nodenext', target: 'es2022', strict: true, skipLibCheck: false, types: ['node'] }
    await writeFile(join(app.folder, 'ask.mts'), program)
    await writeFile(
      join(app.folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: { ...options, exactOptionalPropertyTypes: true }, files: ['ask.mts'] }),
    )
    const inFolder = { env: app.env, cwd: app.folder }
    await output(process.execPath, [resolve('node_modules/typescript/bin/tsc')], inFolder)
    expect(await output(process.execPath, ['ask.mjs'], inFolder)).toBe('usage\nusage\n1\n14,12,7\n')
    // And the program of the guide, with what the guide says that it prints.
    const guide = await readFile(resolve('docs/guide.md'), 'utf8')
    const file = blocksOf(guide).find((block) => block.kind === 'file' && block.name === 'weekly.mts')
    if (file?.kind !== 'file') throw new Error('the guide has no weekly.mts')
    await writeFile(join(app.folder, file.name), file.content)
    await writeFile(
      join(app.folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: { ...options, exactOptionalPropertyTypes: true }, files: [file.name] }),
    )
    await output(process.execPath, [resolve('node_modules/typescript/bin/tsc')], inFolder)
    const said = /node weekly\.mjs\n([\s\S]*?)```/.exec(guide)![1]
    expect(await output(process.execPath, ['weekly.mjs'], inFolder)).toBe(said)
    const required = `process.stdout.write(typeof require('event-analytics').dau)`
    expect(await output(process.execPath, ['-e', required], inFolder)).toBe('function')
  })

  test('bash completes commands, flags and files', async () => {
    await ea('autocomplete', 'bash')
    // As the guide says; then what bash does at a TAB.
    const script = `eval "$(${app.program} autocomplete script bash)"; complete -o default -F _ea_autocomplete ea
complete -p ea
at() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _ea_autocomplete; echo "\${COMPREPLY[@]}"; }
at ea stats re
at ea stats retention --window-t
at ea import ex`
    const told = await output('bash', ['--norc', '-c', script], { env: app.env, cwd: app.folder })
    expect(told.split('\n').map((line) => line.trim())).toEqual([
      'complete -o default -F _ea_autocomplete ea',
      'retention',
      '--window-type',
      // Nothing of its own: the files of the folder, then.
      '',
      '',
    ])
  })
})
