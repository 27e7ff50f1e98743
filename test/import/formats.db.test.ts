/** Files as they come: their forms, encodings, line ends and oddities, from bytes to stored events. */
import { appendFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import type { Batch } from '../../src/lib/batches/batch.js'
import { importFiles } from '../../src/lib/import/import.js'
import type { ImportOptions } from '../../src/lib/import/options.js'
import { parseIdFrom } from '../../src/lib/load/mapping/map-parser.js'
import { sharedDatabase } from '../support/postgres/shared-database.js'
import { withScratchFolder } from '../support/temp-dir.js'
import { codesOf, csvOf, empty, eventHeader, importInto, importPath, storedEvents } from './import-helpers.js'

const database = sharedDatabase()
const idOf = (n: number) => `a0eebc99-9c0b-4ef8-bb6d-${String(n).padStart(12, '0')}`
const at = '2025-01-31T10:20:30Z'

/** The same three events in every form. */
const users = ['ada', 'ґалина;,"|', 'žluťoučký 🦊']
const rows = users.map((user, n) => [idOf(n), at, user, 'view', JSON.stringify({ n, text: `line\n${user}` })])
const documents = rows.map((row) => Object.fromEntries(eventHeader.map((name, column) => [name, row[column]])))
const withObjects = documents.map((document) => ({ ...document, properties: JSON.parse(document.properties!) }))
const csv = csvOf([eventHeader, ...rows])
const events = rows.map(([event_id, , user_id]) => ({ event_id, user_id, occurred_at: '2025-01-31T10:20:30.000000' }))

const separated = (delimiter: string) =>
  [eventHeader, ...rows]
    .map((row) => `${row.map((field) => `"${field!.replaceAll('"', '""')}"`).join(delimiter)}\n`)
    .join('')
const turned = () => {
  const order = [4, 2, 0, 3, 1]
  return csvOf([eventHeader, ...rows].map((row) => order.map((column) => row[column]!)))
}
const utf16be = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16()

describe('the same events in every form', () => {
  const forms: readonly (readonly [string, string, string | Buffer, ImportOptions?])[] = [
    ['CSV', 'events.csv', csv],
    ['another order of columns', 'events.csv', turned()],
    ['semicolons', 'events.csv', separated(';')],
    ['tabs', 'events.tsv', separated('\t')],
    ['bars', 'events.csv', separated('|')],
    ['CRLF', 'events.csv', csv.replaceAll('"\n"', '"\r\n"')],
    ['CR', 'events.csv', csv.replaceAll('"\n"', '"\r"')],
    ['no line end behind the last record', 'events.csv', csv.slice(0, -1)],
    ['blank lines', 'events.csv', csv.replaceAll('"\n"', '"\n\n\r\n"')],
    ['a byte order mark', 'events.csv', `\ufeff${csv}`],
    ['UTF-16 little endian', 'events.csv', Buffer.from(`\ufeff${csv}`, 'utf16le')],
    ['UTF-16 big endian', 'events.csv', utf16be(csv)],
    ['UTF-16 without a mark', 'events.csv', Buffer.from(csv, 'utf16le'), { encoding: 'utf-16le' }],
    ['gzip', 'events.csv.gz', gzipSync(csv)],
    ['gzip under another name', 'events.csv', gzipSync(csv)],
    ['gzip in two parts', 'events.csv.gz', Buffer.concat([gzipSync(csv.slice(0, 99)), gzipSync(csv.slice(99))])],
    ['NDJSON', 'events.ndjson', documents.map((document) => `${JSON.stringify(document)}\n`).join('')],
    ['NDJSON with objects', 'events.ndjson', withObjects.map((document) => JSON.stringify(document)).join('\r\n')],
    ['NDJSON in UTF-16', 'e.ndjson', utf16be(withObjects.map((document) => JSON.stringify(document)).join('\n'))],
    ['NDJSON with blanks around', 'e.ndjson', documents.map((doc) => `\t ${JSON.stringify(doc)} \t\n \n`).join('')],
    ['a JSON array', 'events.json', JSON.stringify(withObjects)],
    ['a JSON array over many lines', 'events.json', `${JSON.stringify(withObjects, null, 2)}\n`],
    ['a JSON array with CRLF', 'events.json', JSON.stringify(withObjects, null, '\t').replaceAll('\n', '\r\n')],
  ]

  test.each(forms.map(([what, name, content, options]) => ({ what, name, content, options: options ?? {} })))(
    '$what',
    async ({ name, content, options }) => {
      for (const more of [{}, { chunkBytes: 1, jobs: 3 }, { atomic: true, chunkBytes: 1 }]) {
        const imported = await importInto(database(), content, { ...options, ...more }, name)
        expect(imported.outcome).toMatchObject({ status: 'completed', read: 3, inserted: 3, rejected: 0 })
        expect(imported.events).toMatchObject(events)
        expect(imported.events.map(({ properties }) => JSON.parse(properties))).toEqual(
          users.map((user, n) => ({ n, text: `line\n${user}` })),
        )
      }
    },
  )

  test('standard input', async () => {
    await empty(database())
    const stdin = () => Readable.from([Buffer.from(csv.slice(0, 50)), Buffer.from(csv.slice(50))])
    expect((await importPath(database(), '-', { stdin: stdin() })).events).toMatchObject(events)
    const again = await importPath(database(), '-', { stdin: stdin() })
    expect(again.outcome).toMatchObject({ status: 'already_imported', inserted: 0 })
    expect(again.events).toHaveLength(3)
  })
})

describe('encodings of one byte', () => {
  const text = 'café € “quoted” ÿ'
  const bytes = (encoded: string) =>
    Buffer.from(`event_id,occurred_at,user_id,event_type,été\n${idOf(0)},${at},${encoded},view,x\n`, 'latin1')

  test('windows-1252 and Latin-1 when they are named; UTF-8 says that it is not', async () => {
    const windows = bytes('caf\xe9 \x80 \x93quoted\x94 \xff')
    const imported = await importInto(database(), windows, { encoding: 'windows-1252' })
    expect(imported.events).toMatchObject([{ user_id: text, properties: '{"été": "x"}' }])
    const latin = await importInto(database(), bytes('caf\xe9 \xff'), { encoding: 'latin1' })
    expect(latin.events).toMatchObject([{ user_id: 'café ÿ' }])
    // In Latin-1 those bytes are control characters.
    expect(codesOf(await importInto(database(), windows, { encoding: 'latin1' }))).toEqual(['invalid_user_id'])
    await expect(importInto(database(), windows)).rejects.toMatchObject({ code: 'encoding_error' })
  })
})

describe('little or nothing', () => {
  test.each([
    ['an empty file', ''],
    ['a byte order mark', '\ufeff'],
    ['blank lines', '\n\r\n \n'],
    ['a header', 'event_id,occurred_at,user_id,event_type'],
    ['a header with its line end', 'event_id,occurred_at,user_id,event_type\n'],
    ['a header and blank lines', 'event_id,occurred_at,user_id,event_type\n\n\n'],
  ])('%s holds no events, and is imported', async (_, content) => {
    const { outcome } = await importInto(database(), content)
    expect(outcome).toMatchObject({ status: 'completed', read: 0, inserted: 0, rejected: 0 })
  })

  test.each([
    ['an empty array', '[]', 'events.json'],
    ['an empty array with blanks', ' [ \n ] \n', 'events.json'],
    ['an empty gzip', gzipSync(''), 'events.csv.gz'],
    ['an empty NDJSON', '', 'events.ndjson'],
  ])('%s', async (_, content, name) => {
    const { outcome } = await importInto(database(), content, {}, name)
    expect(outcome).toMatchObject({ status: 'completed', read: 0, inserted: 0, rejected: 0 })
  })
})

describe('texts that COPY could take for something else', () => {
  const oneColumn = (values: readonly string[]) => ['user_id', ...values].join('\n')
  const derived = { idFrom: parseIdFrom('*,#'), format: 'csv' } as const

  test('a record that is the end marker, and fields that look like one', async () => {
    const values = ['\\.', 'a', '\\.', '"\\."', '\\N', '\\\\.', 'NULL', '"a\n\\.\nb"']
    const { outcome, rejects } = await importInto(database(), oneColumn(values), {
      ...derived,
      map: {
        occurred_at: [{ name: 'user_id', path: ['user_id'] }],
        event_type: [{ name: 'user_id', path: ['user_id'] }],
      },
    })
    // None of them is a time: each one was staged and judged, and none ended the data.
    expect(outcome).toMatchObject({ read: values.length, rejected: values.length })
    expect(rejects.map(({ raw, code }) => [raw.toString(), code])).toEqual(
      values.map((value) => [value, 'invalid_occurred_at']),
    )
    const first = csvOf([['user_id', 'event_id', 'occurred_at', 'event_type']])
    const rows = ['\\.', '\\N', '"\\."', 'x'].map((user, n) => `${user},${idOf(n)},${at},\\.\n`)
    const imported = await importInto(database(), first + rows.join(''))
    expect(imported.events.map(({ user_id, event_type }) => [user_id, event_type])).toEqual([
      ['\\.', '\\.'],
      ['\\N', '\\.'],
      ['\\.', '\\.'],
      ['x', '\\.'],
    ])
  })

  test('quotes in the middle of a field, and line ends of every kind in one file', async () => {
    const content =
      'event_id,occurred_at,user_id,event_type,note\r\n' +
      `${idOf(0)},${at},o"hara,view,say "hi"\n` +
      `${idOf(1)},${at},u,"a ""b""","two\r\nlines"\r` +
      `${idOf(2)},${at},u,view,""\r\n\n\r` +
      `${idOf(3)},${at},u,view,`
    const imported = await importInto(database(), content)
    expect(imported.events.map(({ user_id, event_type, properties }) => [user_id, event_type, properties])).toEqual([
      ['o"hara', 'view', '{"note": "say \\"hi\\""}'],
      ['u', 'a "b"', '{"note": "two\\r\\nlines"}'],
      ['u', 'view', '{"note": ""}'],
      ['u', 'view', '{}'],
    ])
  })

  test('no quotes at all', async () => {
    const content = `event_id,occurred_at,user_id,event_type,note\n${idOf(0)},${at},"u",vi"ew,"a\n`
    const imported = await importInto(database(), content, { quote: 'none' })
    expect(imported.events).toMatchObject([{ user_id: '"u"', event_type: 'vi"ew', properties: '{"note": "\\"a"}' }])
  })
})

describe('headers that no table could have', () => {
  test.each([
    ['a NUL in a name', 'event_id,occurred_at,user_id,event_type,a\0b\n'],
    ['a name twice', 'event_id,occurred_at,user_id,event_type,a,a\n'],
    ['a name that is missing', 'event_id,occurred_at,user_id,event_type,,a\n'],
    [
      'more columns than a table can have',
      `event_id,occurred_at,user_id,event_type,${Array.from({ length: 1_700 }, (_, n) => `c${n}`).join(',')}\n`,
    ],
  ])('%s is refused before anything is begun', async (_, header) => {
    await empty(database())
    const begun = importInto(database(), `${header}${idOf(0)},${at},u,view\n`)
    await expect(begun).rejects.toMatchObject({ code: 'header_invalid' })
    const { rows } = await sql`SELECT FROM ${database().t.import_batches}`.execute(database().q)
    expect(rows).toEqual([])
  })
})

describe('a file that changes while it is read', () => {
  const lines = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, n) => `${idOf(from + n)},${at},u${n},view\n`).join('')
  const header = 'event_id,occurred_at,user_id,event_type\n'

  const changes: readonly (readonly [string, (path: string) => Promise<void>])[] = [
    ['grows', (path) => appendFile(path, lines(90_000, 90_010))],
    ['shrinks', (path) => truncate(path, 3_000_000)],
    ['is written anew', (path) => writeFile(path, header + lines(50_000, 100_000))],
  ]

  test.each(changes)('%s: nothing of it is imported', async (_, change) => {
    await withScratchFolder(async (folder) => {
      await empty(database())
      const path = join(folder, 'events.csv')
      await writeFile(path, header + lines(0, 50_000))
      let changed: Promise<void> | undefined
      const { files } = await importFiles(database(), [path], {
        chunkBytes: 100_000,
        onEvent: (event) => {
          // It has been hashed, and the first chunks are on their way.
          if (event.type === 'progress' && event.phase === 'loading') changed ??= change(path)
        },
      })
      await changed
      expect(files[0]).toMatchObject({ status: 'failed', inserted: 0, error: { code: 'file_changed' } })
      expect(await storedEvents(database())).toEqual([])
      const { rows } = await sql<Batch & { failure: string }>`
        SELECT status, failure FROM ${database().t.import_batches}`.execute(database().q)
      expect(rows).toEqual([{ status: 'failed', failure: 'file_changed' }])
      // And then it can be imported as it is now.
      const again = await importPath(database(), path, { maxRejects: { records: 1 } })
      expect(again.outcome.status).toBe('completed')
    })
  })
})
