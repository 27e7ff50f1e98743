/** What must hold for any bytes: no crash, nothing lost, the same result whatever the buffers, the rules to the letter. */
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Shape } from '../../../src/lib/load/split/chunk.js'
import { assertProperty } from '../../support/effort.js'
import { csv, latin1, recordsOf, splitContent } from './split-content.js'
import { referenceRecords } from './split-reference.js'

/** Bytes that mean something to one shape or another, and some that mean nothing. */
const garbage = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('a', ',', '"', '\n', '{', '}') },
      {
        weight: 2,
        arbitrary: fc.constantFrom('\r', '\r\n', '""', ' ', '[', ']', '\\', ';', "'", '\t', '{}', '{"k":1}'),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom('\x00', '\x01', '\x02', '\xff', '\xc3\xa9', '\\.', '\n\\.\n', 'lorem ipsum'),
      },
    ),
    { maxLength: 60 },
  )
  .map((parts) => latin1(parts.join('')))

const shapes = fc.constantFrom<Shape>(
  csv(1),
  csv(2),
  csv(3),
  csv(1, { crEndsRecords: false }),
  csv(2, { crEndsRecords: false }),
  csv(2, { delimiter: 0x3b, quote: 0x27 }),
  csv(2, { delimiter: 0x09, quote: null }),
  csv(2, { delimiter: 0x01, quote: null }),
  { kind: 'lines' },
  { kind: 'array' },
)

describe('any bytes', () => {
  test('borders, records and rejects are the same whatever the size of the buffers', { tags: 'property' }, async () => {
    await assertProperty(
      fc.asyncProperty(
        garbage,
        shapes,
        fc.constantFrom(1, 2, 7, 20, 1000),
        fc.constantFrom(3, 10, 1000),
        fc.integer({ min: 1, max: 20 }),
        async (content, shape, chunkBytes, maxRecordBytes, bufferBytes) => {
          const settings = { shape, chunkBytes, maxRecordBytes }
          const whole = await splitContent(content, { ...settings, bufferBytes: 1 << 20 })
          expect(await splitContent(content, { ...settings, bufferBytes })).toEqual(whole)
        },
      ),
      1500,
    )
  })

  test('the size of the chunks changes no record', { tags: 'property' }, async () => {
    await assertProperty(
      fc.asyncProperty(
        garbage,
        shapes,
        fc.constantFrom(1, 2, 7, 20),
        fc.constantFrom(3, 10, 1000),
        async (content, shape, chunkBytes, maxRecordBytes) => {
          const one = await splitContent(content, { shape, maxRecordBytes })
          const many = await splitContent(content, { shape, maxRecordBytes, chunkBytes })
          expect(recordsOf(many)).toEqual(recordsOf(one))
          const few = await splitContent(content, {
            shape,
            maxRecordBytes,
            chunkBytes,
            chunkRecords: 2,
            bufferBytes: 3,
          })
          expect(recordsOf(few)).toEqual(recordsOf(one))
          for (const chunk of few) expect(chunk.records).toBeLessThanOrEqual(2)
        },
      ),
      1500,
    )
  })

  test('a chunk ends behind the first line end at or behind chunkBytes, and the next begins there', {
    tags: 'property',
  }, async () => {
    await assertProperty(
      fc.asyncProperty(garbage, shapes, fc.constantFrom(1, 2, 7, 20), async (content, shape, chunkBytes) => {
        const chunks = await splitContent(content, { shape, chunkBytes })
        let at = 0
        let record = 1
        let good = 0
        for (const [index, chunk] of chunks.entries()) {
          expect(chunk.byteFrom).toBe(at)
          expect(chunk.firstRecord).toBe(record)
          expect(chunk.goodBefore).toBe(good)
          expect(chunk.records).toBe(chunk.good + chunk.rejects.length)
          if (index + 1 < chunks.length) expect(chunk.byteTo - chunk.byteFrom).toBeGreaterThanOrEqual(chunkBytes)
          const last = recordsOf([chunk]).at(-1)
          // The last record began before the border: without it the chunk would have been too small.
          if (last && last.raw.length > 0) expect(last.byteOffset).toBeLessThan(chunk.byteFrom + chunkBytes)
          at = chunk.byteTo
          record += chunk.records
          good += chunk.good
        }
        expect(at).toBe(content.length)
      }),
      1000,
    )
  })

  test('records, rejects and what lies between them give back the content byte for byte', {
    tags: 'property',
  }, async () => {
    await assertProperty(
      fc.asyncProperty(garbage, shapes, async (content, shape) => {
        const text = content.toString('latin1')
        const chunks = await splitContent(content, { shape, chunkBytes: 10 })
        let at = 0
        const between: string[] = []
        for (const { byteOffset, raw } of recordsOf(chunks)) {
          between.push(text.slice(at, byteOffset))
          expect(text.slice(byteOffset, byteOffset + raw.length)).toBe(raw)
          at = byteOffset + raw.length
        }
        between.push(text.slice(at))
        // Nothing with a meaning is ever passed over.
        const meaningless = shape.kind === 'array' ? /^[\s,[\]]*$/ : /^[\r\n \t]*$/
        for (const gap of between) expect(gap).toMatch(meaningless)
        if (shape.kind === 'delimited') {
          const blank = chunks.reduce((sum, chunk) => sum + chunk.blankLines, 0)
          const lineEnds = between.flatMap((gap) => gap.match(/\r\n|\r|\n/g) ?? []).length
          const unended = at === text.length && recordsOf(chunks).length > 0 ? 1 : 0
          expect(lineEnds + unended).toBe(recordsOf(chunks).length + blank)
        }
      }),
      1000,
    )
  })

  test('delimited text is split as the rules say', { tags: 'property' }, async () => {
    const delimited = shapes.filter((shape) => shape.kind === 'delimited')
    await assertProperty(
      fc.asyncProperty(garbage, delimited, fc.constantFrom(10, 1000), async (content, shape, maxRecordBytes) => {
        if (shape.kind !== 'delimited') return
        const expected = referenceRecords(content, shape, 1000)
        // A record longer than allowed is cut in its raw bytes; the reference keeps them.
        if (expected.some(({ raw }) => raw.length > maxRecordBytes)) return
        const found = recordsOf(await splitContent(content, { shape, chunkBytes: 10, maxRecordBytes }))
        expect(found.map(({ code, ...rest }) => ({ ...rest, isGood: code === undefined }))).toEqual(
          expected.map(({ fields, ...rest }) => ({ ...rest, isGood: fields !== undefined })),
        )
      }),
      3000,
    )
  })
})

describe('well-formed text', () => {
  const cell = fc.string({
    unit: fc.constantFrom('a', 'é', '€', '😀', ' ', ',', ';', '\t', '|', '"', "'", '\n', '\r', '\r\n', '0', '\\'),
    maxLength: 8,
  })

  test('csv-parse finds the same records', { tags: 'property' }, async () => {
    await assertProperty(
      fc.asyncProperty(
        fc.constantFrom(',', ';', '\t', '|'),
        fc.constantFrom('"', "'"),
        fc
          .integer({ min: 2, max: 4 })
          .chain((fields) =>
            fc.tuple(
              fc.constant(fields),
              fc.array(
                fc.tuple(fc.array(cell, { minLength: fields, maxLength: fields }), fc.constantFrom('\n', '\r\n', '\r')),
              ),
            ),
          ),
        fc.integer({ min: 1, max: 50 }),
        async (delimiter, quote, [fields, rows], chunkBytes) => {
          const text = rows
            .map(
              ([cells, lineEnd]) =>
                cells.map((value) => quote + value.replaceAll(quote, quote + quote) + quote).join(delimiter) + lineEnd,
            )
            .join('')
          const shape = csv(fields, { delimiter: delimiter.charCodeAt(0), quote: quote.charCodeAt(0) })
          const chunks = await splitContent(text, { shape, chunkBytes, bufferBytes: 5 })
          expect(chunks.flatMap((chunk) => chunk.rejects)).toEqual([])
          const options = { delimiter, quote, escape: quote, record_delimiter: ['\r\n', '\n', '\r'] }
          expect(chunks.flatMap((chunk) => parse(chunk.copyData, options))).toEqual(parse(text, options))
          expect(chunks.flatMap((chunk) => chunk.goodRecords.flatMap(({ raw }) => parse(raw, options)))).toEqual(
            rows.map(([cells]) => cells),
          )
        },
      ),
      500,
    )
  })

  test('a JSON array gives its elements, however it is laid out', { tags: 'property' }, async () => {
    const object = fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true })
    await assertProperty(
      fc.asyncProperty(
        fc.array(object),
        fc.constantFrom(0, 1, 2),
        fc.integer({ min: 1, max: 50 }),
        async (objects, indent, chunkBytes) => {
          const text = JSON.stringify(objects, null, indent)
          const chunks = await splitContent(text, { shape: { kind: 'array' }, chunkBytes, bufferBytes: 7 })
          expect(chunks.flatMap((chunk) => chunk.rejects)).toEqual([])
          const parsed = chunks.flatMap((chunk) => chunk.goodRecords.map(({ raw }) => JSON.parse(raw.toString())))
          expect(parsed).toEqual(JSON.parse(text))
          const staged = chunks.flatMap((chunk) => chunk.copyData.toString().split('\n').slice(0, -1))
          expect(staged.map((line) => JSON.parse(line))).toEqual(JSON.parse(text))
        },
      ),
      500,
    )
  })
})
