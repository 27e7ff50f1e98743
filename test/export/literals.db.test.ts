/** Values inside a COPY: what goes in comes out, whatever it holds, and nothing of it is ever read as SQL. */
import fc from 'fast-check'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { type Database, withTransaction } from '../../src/lib/db/connect.js'
import { copyOut, withLiterals } from '../../src/lib/db/copy-out.js'
import { assertProperty } from '../support/effort.js'
import { withFreshDatabase } from '../support/postgres/database.js'
import { errorOf } from '../support/temp-dir.js'

/** Texts that mean something to somebody on the way: quotes, escapes, comments, dollars, parameters, arrays. */
const hostile = [
  ...["'", "''", "'; DROP TABLE ea.events; --", "\\'", "\\' OR true --", "E'", '\\', '\\\\', '"', '""', '\\"', '\\.'],
  ...['$1', '$$', '$a$', '$tag$;', '--', '/*', '*/', ';', '{', '}', '{}', '{"a"}', ',', 'NULL', 'null', '""', ' ', ''],
  ...['\n', '\r\n', '\t', '\u0001', '\u0002', '\u007f', '\u2028', '€', '😀', 'Ω', '\ufeff', '%', '%s', '?', ':a', '@@'],
]
const text = fc.oneof(
  fc.constantFrom(...hostile),
  fc.array(fc.constantFrom(...hostile), { maxLength: 8 }).map((parts) => parts.join('')),
  // Halves of surrogate pairs are no Unicode, and NUL is no text in PostgreSQL.
  fc.string({ unit: 'binary' }).map((any) => wellFormed(any).replaceAll('\0', '')),
)

/** Halves of surrogate pairs become U+FFFD, as on their way to the server. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString()
}

/** What one row of COPY gives, as JSON: nothing on the way back can be mistaken. */
async function copied(db: Database, query: Parameters<typeof copyOut>[1]): Promise<unknown> {
  const pieces: Buffer[] = []
  await withTransaction(db, (tx) =>
    copyOut(tx, query, "(FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02')", async (piece) => pieces.push(piece)),
  )
  return JSON.parse(Buffer.concat(pieces).toString('utf8'))
}

test('any text is the same text, alone, in a list, and beside others', { tags: 'property' }, async () => {
  await withFreshDatabase(async (db) => {
    const property = fc.asyncProperty(text, fc.array(fc.option(text), { maxLength: 5 }), async (one, many) => {
      const query = sql`SELECT jsonb_build_array(${one}::text, ${many}::text[], 'a $1 b', ${many.length}::int, ${one} = ${one})`
      expect(await copied(db, query)).toEqual([one, many, 'a $1 b', many.length, true])
    })
    await assertProperty(property, 300, { examples: hostile.map((each) => [each, [each, null, each]]) })
  })
})

test('whatever the server takes backslashes in plain quotes for', async () => {
  await withFreshDatabase(async (db) => {
    await withTransaction(db, async (tx) => {
      await sql`SET LOCAL standard_conforming_strings = off`.execute(tx.q)
      for (const each of hostile) {
        const { rows } = await tx.client.query(
          withLiterals(sql`SELECT ${each}::text AS one, ${[each]}::text[] AS many`),
        )
        expect(rows).toEqual([{ one: each, many: [each] }])
      }
    })
  })
})

test('numbers, truth values, instants and nothing keep their kind', async () => {
  await withFreshDatabase(async (db) => {
    const instant = new Date('2025-08-31T12:00:00.123Z')
    // A minus before a negative number would begin a comment.
    const query = sql`SELECT jsonb_build_array(
      10 -${-5}, ${0.1}::numeric, ${1e21}::numeric, ${9007199254740991n}::bigint, ${true} OR false, ${null}::text IS NULL,
      extract(epoch FROM ${instant}::timestamptz), ${[1, -2, null]}::bigint[], ${[]}::text[], ${undefined}::int IS NULL)`
    const text = withLiterals(query)
    expect(text).not.toContain('$')
    const { rows } = await withTransaction(db, (tx) => tx.client.query(text))
    expect(rows[0].jsonb_build_array).toEqual([
      ...[15, 0.1, 1e21, 9007199254740991, true, true, instant.getTime() / 1000, [1, -2, null], [], true],
    ])
  })
})

test('a schema whose name looks like a parameter or a quote is a name', async () => {
  expect(withLiterals(sql`SELECT ${1} FROM ${sql.id('a$1"b', "it's")}`)).toBe(`SELECT '1' FROM "a$1""b"."it's"`)
})

test('what cannot be written is refused', async () => {
  expect(await errorOf(() => withLiterals(sql`SELECT ${'a\0b'}`))).toMatchObject({ code: 'usage' })
  expect(await errorOf(() => withLiterals(sql`SELECT ${['a', '\0']}::text[]`))).toMatchObject({ code: 'usage' })
  for (const value of [{}, Buffer.from('a'), Symbol('a'), [['nested']], [{}]]) {
    expect(await errorOf(() => withLiterals(sql`SELECT ${value}`))).toMatchObject({ code: 'internal_error' })
  }
})
