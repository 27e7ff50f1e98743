/**
 * A long template of SQL shows the statement that it makes in the docstring of its function or file, with `…` for what is left
 * out. The statement must be one that is really sent: here a scenario sends them.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import pg from 'pg'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { createBatch } from '../../src/lib/batches/batches.js'
import { decideAsDuplicates, storePending } from '../../src/lib/batches/pending.js'
import { undoBatch } from '../../src/lib/batches/undo.js'
import { type Database, withTransaction } from '../../src/lib/db/connect.js'
import type { ImportOptions } from '../../src/lib/import/options.js'
import { commitGroup } from '../../src/lib/ingest/commit.js'
import { createPassed, reassignEarlier } from '../../src/lib/load/reassign-earlier.js'
import { addRollups } from '../../src/lib/rollups/on-demand/add-remove.js'
import { rebuildRollups } from '../../src/lib/rollups/rebuild.js'
import { stats } from '../../src/lib/stats/catalog.js'
import { runStat } from '../../src/lib/stats/query/run-stat.js'
import { importPath } from '../import/import-helpers.js'
import { eventOf, requestOf } from '../ingest/ingesting.js'
import { withFreshDatabase } from '../support/postgres/database.js'
import { withScratchFolder } from '../support/temp-dir.js'

/** Lines of a template from which on it needs one. */
const longLines = 14

/** A statement in the one form in which documented and sent ones are compared: no quotes, numbers of parameters, line breaks. */
const normal = (statement: string) =>
  statement
    .replace(/\/\*.*?\*\/|--.*$/gm, '')
    .replaceAll('"', '')
    .replace(/\bea\./g, '')
    .replace(/\$\d+/g, '$')
    .replace(/\s+/g, ' ')
    .replace(/(?<=\() | (?=\))/g, '')

interface Template {
  readonly file: string
  readonly line: number
  readonly lines: number
  /** The blocks of the docstrings of the declarations around it, else of its file. */
  readonly blocks: readonly string[]
}

const blocksIn = (comment: string) =>
  [...comment.matchAll(/^ *\* ```sql\n([\s\S]*?)^ *\* ```$/gm)].map(([, text]) => text!.replace(/^ *\* ?/gm, ''))

function templatesOf(file: string): Template[] {
  const text = readFileSync(file, 'utf8')
  if (!/sql(<.*>)?`/.test(text)) return []
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const lineAt = (at: number) => source.getLineAndCharacterOfPosition(at).line + 1
  const [header = ''] = /^\/\*\*[\s\S]*?\*\//.exec(text) ?? []
  const templates: Template[] = []
  const visit = (node: ts.Node, docs: readonly string[]) => {
    const isDeclared = ts.isStatement(node) || ts.isClassElement(node)
    const own = (isDeclared && node.pos > 0 && ts.getLeadingCommentRanges(text, node.pos)) || []
    const inside = [...docs, ...own.map(({ pos, end }) => text.slice(pos, end))]
    if (ts.isTaggedTemplateExpression(node) && node.tag.getText(source) === 'sql') {
      const line = lineAt(node.getStart(source))
      const blocks = inside.flatMap(blocksIn)
      const lines = lineAt(node.end) - line + 1
      templates.push({ file, line, lines, blocks: blocks.length > 0 ? blocks : blocksIn(header) })
    }
    ts.forEachChild(node, (child) => visit(child, inside))
  }
  visit(source, [])
  return templates
}

const files = readdirSync('src/lib', { recursive: true })
  .map((name) => join('src/lib', String(name)))
  .filter((path) => path.endsWith('.ts'))

test('each long template of SQL has the statement that it makes in a docstring', () => {
  const long = files.flatMap(templatesOf).filter(({ lines }) => lines >= longLines)
  expect(long.length).toBeGreaterThan(10)
  const without = long.filter(({ blocks }) => blocks.length === 0)
  expect(without.map(({ file, line, lines }) => `${file}:${line} (${lines} lines)`)).toEqual([])
})

const hour = (n: number) =>
  `2025-10-${String(1 + Math.floor(n / 24)).padStart(2, '0')}T${String(n % 24).padStart(2, '0')}`
const types = ['view', 'cart', 'buy']
const csvOf = (numbers: readonly number[]) =>
  [
    'event_id,occurred_at,user_id,event_type,properties',
    ...numbers.map((n) => {
      const { event_id, user_id } = eventOf(n)
      return `${event_id},${hour(n)}:00:00Z,${user_id},${types[n % 3]},"{""country"": ""UA""}"`
    }),
  ].join('\n')
const upTo = (count: number, from = 1) => Array.from({ length: count }, (_, index) => from + index)

async function imported(db: Database, content: string, options: ImportOptions = {}): Promise<number> {
  return withScratchFolder(async (folder) => {
    const path = join(folder, 'events.csv')
    writeFileSync(path, content)
    return (await importPath(db, path, options)).outcome.id!
  })
}

/** Parameters of each stat for which it has more than one statement. */
const questions: Readonly<Record<string, readonly object[]>> = {
  trend: [{}, { by: 'event_type' }],
  'top-events': [{}, { by: 'event_type' }],
  retention: [{ windows: 3, windowType: 'day' }],
  funnel: [
    { step: ['view', 'cart'] },
    { step: ['view', 'cart', 'buy'], order: 'strict' },
    { step: ['view', 'cart', 'buy'], order: 'unordered' },
    { step: ['view[properties.country=UA]', 'view', 'buy'], exclude: ['cart'] },
  ],
}

async function scenario(db: Database): Promise<void> {
  const first = await imported(db, `${csvOf(upTo(100))}\nnot-an-id,2025-10-01T00:00:00Z,u1,view,{}`)
  // Ids that are stored already, and one that the file repeats.
  const second = await imported(db, `${csvOf([...upTo(40, 80), 119, 120])}`)
  // Local times of a zone whose clocks change.
  // Each chunk after the first of them is known whole.
  await imported(db, csvOf(upTo(100)), { force: true, chunkBytes: 2000, jobs: 1 })
  await imported(db, csvOf(upTo(3, 300)).replaceAll('Z,', ','), { timezone: 'Europe/Kyiv' })
  await commitGroup(db, [await requestOf([eventOf(110), eventOf(200), eventOf(201)])], { timezone: 'UTC' })
  for (const source of ['rollups', 'events'] as const) {
    const given = source === 'events' ? { tz: 'Europe/Kyiv' } : {}
    for (const stat of stats) {
      for (const params of questions[stat.name] ?? [{}]) await runStat(db, stat, { ...given, ...params })
    }
    if (source === 'rollups') {
      await addRollups(
        db,
        types.map((eventType) => ({ kind: 'event_type', eventType })),
      )
    }
  }
  await runStat(db, stats.find(({ name }) => name === 'funnel')!, { step: ['view', 'cart'] })
  await withTransaction(db, async (tx) => {
    const loading = await createBatch(tx, { source: 'file', file: 'x', sha256: null, reading: {}, chunkBytes: 1024 })
    await sql`
      INSERT INTO ${tx.t.import_chunks} (batch_id, chunk, read, inserted, duplicates, rejected, byte_from, byte_to, merged_by)
      VALUES (${loading.id}, 1, 0, 0, 0, 0, 0, 0, pg_current_xact_id())`.execute(tx.q)
    await createPassed(tx)
    await reassignEarlier(tx, { batchId: loading.id, chunk: 0 })
    const wait = (id: number) =>
      sql`
        INSERT INTO ${tx.t.pending_events} (owner_id, batch_id, event_id, occurred_at, user_id, event_type, properties)
        VALUES (${loading.id}, ${first}, ${String(eventOf(id).event_id)}, now(), 'u', 'view', '{}')`.execute(tx.q)
    await wait(300)
    await decideAsDuplicates(tx, loading.id)
    await wait(301)
    await storePending(tx, loading.id)
  })
  await withTransaction(db, (tx) => rebuildRollups(tx))
  await undoBatch(db, second)
}

test('each statement in a docstring is one that is sent', async () => {
  const sent = new Set<string>()
  const { query } = pg.Client.prototype
  pg.Client.prototype.query = function (this: pg.Client, ...given: unknown[]) {
    const [asked] = given
    const text = typeof asked === 'string' ? asked : (asked as { text?: unknown }).text
    if (typeof text === 'string') sent.add(text)
    return Reflect.apply(query, this, given)
  } as typeof query
  try {
    await withFreshDatabase((db) => scenario(db))
  } finally {
    pg.Client.prototype.query = query
  }
  const statements = [...sent].map(normal)
  const documented = files.flatMap((file) => blocksIn(readFileSync(file, 'utf8')).map((block) => ({ file, block })))
  expect(documented.length).toBeGreaterThan(10)
  const wrong = documented
    .map(({ file, block }) => {
      const pieces = normal(block)
        .split('…')
        .map((piece) => piece.trim())
      const reached = statements.map((statement) => piecesIn(statement, pieces))
      return { file, missing: pieces[Math.max(0, ...reached)] }
    })
    .filter(({ missing }) => missing !== undefined)
  expect(wrong).toEqual([])
})

/** How many of the pieces a statement has, in their order. */
function piecesIn(statement: string, pieces: readonly string[]): number {
  let at = 0
  for (const [index, piece] of pieces.entries()) {
    const found = statement.indexOf(piece, at)
    if (found === -1) return index
    at = found + piece.length
  }
  return pieces.length
}
