/** What is exported can be imported: into the same database it adds nothing, into another one it is the same events. */
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { eventFormats, limits } from '../../src/lib/core/event.js'
import type { Database } from '../../src/lib/db/connect.js'
import { importFiles } from '../../src/lib/import/import.js'
import { importInto, storedEvents } from '../import/import-helpers.js'
import { assertProperty, size } from '../support/effort.js'
import { withFreshDatabase } from '../support/postgres/database.js'
import { exported } from './exporting.js'

interface Given {
  readonly at: string
  readonly user: string
  readonly type: string
  /** JSON text. */
  readonly properties: string
}

/** The content of an NDJSON file with these events; their properties stand there digit by digit. */
function ndjsonOf(events: readonly Given[]): string {
  return events
    .map(({ at, user, type, properties }) => {
      const [id, when, who, what] = [randomUUID(), at, user, type].map((text) => JSON.stringify(text))
      return `{"event_id":${id},"occurred_at":${when},"user_id":${who},"event_type":${what},"properties":${properties}}\n`
    })
    .join('')
}

/** Halves of surrogate pairs become U+FFFD, as on their way to the server. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString()
}

/** Imports events, exports them in both formats, and imports what came out in both ways. */
async function expectRoundTrip(db: Database, events: readonly Given[]): Promise<void> {
  const all = events.length
  const source = ndjsonOf(events)
  for (const format of eventFormats) {
    const before = await importInto(db, source, {}, 'events.ndjson')
    expect(before.outcome).toMatchObject({ inserted: all, rejected: 0 })
    const { text, events: count } = await exported(db, { format })
    expect(count).toBe(all)

    const elsewhere = await importInto(db, text, {}, `events.${format}`)
    expect(elsewhere.outcome).toMatchObject({ read: all, inserted: all, duplicates: 0, rejected: 0 })
    expect(elsewhere.events).toEqual(before.events)
    // Through stdin, because the content as a file is known already and would be skipped.
    const stdin = Readable.from([Buffer.from(text)])
    const { files } = await importFiles(db, ['-'], { stdin, force: true })
    expect(files[0]).toMatchObject({ read: all, inserted: 0, duplicates: all, rejected: 0 })
    expect(await storedEvents(db)).toEqual(before.events)
  }
}

const plain = { at: '2025-08-31T12:00:00Z', user: 'ann', type: 'view', properties: '{}' }

describe('one by one', () => {
  const users = [
    '\\.',
    '\\',
    '\\N',
    'a,b',
    '"',
    '"a"',
    "it's",
    ' a ',
    '€',
    '日本',
    '😀',
    'a\u2028b',
    '\ufeffa',
    'NULL',
    '-',
    '{}',
    '#',
  ]
  const properties = [
    '{}',
    '{"": ""}',
    '{"a": "line\\nbreak\\r\\n\\ttab \\u0001 \\u0002 \\u001f \\u007f"}',
    '{"a": "\\\\. \\\\n \\" , \' ; \\u2028 😀 \\ud83d\\ude00"}',
    '{"a\\"b\\\\c\\n": {"d": [null, true, false, [], {}, [[{"e": []}]]]}}',
    '{"n": [1.10, 1.0, -0, 0.1000, 1e3, 1E-7, 123456789012345678901234567890.000100, 9007199254740993, 1e300]}',
    '{"a": "x: y, z", "b": ", : ,"}',
  ]
  const instants = [
    '1970-01-01T00:00:00Z',
    '2025-08-31T12:00:00.5Z',
    '2025-08-31T23:59:59.999999+05:45',
    '2025-08-31T12:00:00.000001Z',
  ]
  const events = [
    ...users.map((user) => ({ ...plain, user })),
    ...users.map((type) => ({ ...plain, type })),
    ...properties.map((properties) => ({ ...plain, properties })),
    ...instants.map((at) => ({ ...plain, at })),
  ]

  test('odd texts, numbers and instants', () => withFreshDatabase((db) => expectRoundTrip(db, events)))

  test('properties as large as an import takes them', { tags: 'property' }, async () => {
    // jsonb writes spaces that were not there: 1 MB in, more than 1 MB out.
    const filled = (text: (filler: string) => string) =>
      text('x'.repeat(limits.propertiesMaxBytes - Buffer.byteLength(text(''))))
    const large = [
      filled((x) => `{"a":"${x}"}`),
      filled((x) => `{${Array.from({ length: 50_000 }, (_, i) => `"k${i}":"\\""`).join(',')},"x":"${x}"}`),
      filled((x) => `{"a":[${'1,'.repeat(200_000)}1],"b":"a: b, c\\\\","c":"\\"${x}: , "}`),
    ]
    await withFreshDatabase((db) =>
      expectRoundTrip(
        db,
        large.slice(-size(large.length, 1)).map((properties) => ({ ...plain, properties })),
      ),
    )
  })
})

test('any events', { tags: 'property' }, async () => {
  const name = fc
    .string({ unit: 'binary', minLength: 1, maxLength: 20 })
    .map((text) => wellFormed(text).replace(/\p{Cc}/gu, '?'))
  const number = fc
    .tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.stringMatching(/^(\.[0-9]{1,20})?$/))
    .map(([whole, fraction]) => `${whole}${fraction}`)
  const string = fc.string({ unit: 'binary' }).map((text) => JSON.stringify(wellFormed(text).replaceAll('\0', '')))
  const { json } = fc.letrec<{ json: string }>((tie) => ({
    json: fc.oneof(
      { maxDepth: 4 },
      fc.oneof(number, string, fc.constantFrom('null', 'true', 'false')),
      fc.array(tie('json'), { maxLength: 4 }).map((items) => `[${items.join(', ')}]`),
      object(tie('json')),
    ),
  }))
  function object(value: fc.Arbitrary<string>) {
    return fc
      .array(fc.tuple(string, value), { maxLength: 4 })
      .map((members) => `{${members.map((member) => member.join(':')).join(',')}}`)
  }
  const at = fc
    .tuple(fc.integer({ min: 0, max: 1_756_000_000 }), fc.integer({ min: 0, max: 999_999 }))
    .map(([s, us]) => new Date(s * 1000).toISOString().replace(/\.\d+Z/, `.${String(us).padStart(6, '0')}Z`))
  const event = fc.record({ at, user: name, type: name, properties: object(json) })
  await withFreshDatabase(async (db) => {
    const property = fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 30 }), (events) =>
      expectRoundTrip(db, events),
    )
    await assertProperty(property, 15)
  })
})
