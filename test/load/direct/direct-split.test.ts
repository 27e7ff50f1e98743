/** The borders of plain chunks are those that the scanner finds. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { directReader } from '../../../src/lib/load/direct/direct-reader.js'
import { kernelLimits, theKernel } from '../../../src/lib/load/direct/kernel.js'
import { directPlanOf } from '../../../src/lib/load/direct/plan.js'
import { resolveMapping } from '../../../src/lib/load/mapping/mapping.js'
import type { PlainReader, Shape } from '../../../src/lib/load/split/chunk.js'
import { split } from '../../../src/lib/load/split/split.js'
import { assertProperty, atLeast } from '../../support/effort.js'
import { buffersOf, splitContent } from '../split/split-content.js'
import { hostileRecord, names, shapeOf, writing, written } from './hostile.js'

const latest = new Date('2027-01-01T00:00:00Z')

function readerOf(shape: Shape, order: readonly number[], maxRecordBytes = 1 << 24): PlainReader {
  const columns = shape.kind === 'delimited' ? order.map((index) => names[index]!) : null
  const rules = { mapping: resolveMapping({ columns }), timeFormat: { kind: 'auto' }, latest } as const
  return directReader(directPlanOf(shape, rules, 'UTC', maxRecordBytes)!)!
}

const inOrder = [0, 1, 2, 3, 4]
const line = (n: number, properties = '{}') =>
  `{"event_id":"a0eebc99-9c0b-4ef8-bb6d-${String(n).padStart(12, '0')}","occurred_at":"2025-01-31T10:20:30Z","user_id":"u${n}","event_type":"view","properties":${properties}}\n`

/** How many chunks are plain. */
async function plainChunks(content: string, shape: Shape, chunkBytes: number): Promise<boolean[]> {
  const plain: boolean[] = []
  const options = { chunkBytes, maxRecordBytes: 1 << 24, headerBytes: 0, headerLines: 0, shape }
  const source = buffersOf(Buffer.from(content), 64 * 1024)
  for await (const chunk of split(source, { ...options, plain: readerOf(shape, inOrder) })) {
    plain.push(chunk.isPlain)
    chunk.release()
  }
  return plain
}

describe('a chunk that is read as plain', () => {
  test('is the chunk that the scanner cuts, whatever the records, the chunks and the buffers', {
    tags: 'property',
  }, async () => {
    let plain = 0
    await assertProperty(
      fc.asyncProperty(
        fc.array(hostileRecord, { maxLength: 12 }),
        writing,
        fc.constantFrom(1, 60, 150, 400, 100_000),
        fc.constantFrom(1, 3, 1000),
        fc.constantFrom(200, 100_000),
        fc.constantFrom(1, 7, 64, 100_000),
        async (records, how, chunkBytes, chunkRecords, maxRecordBytes, bufferBytes) => {
          const shape = shapeOf(how)
          const content = written(records, how)
          const settings = { shape, chunkBytes, chunkRecords, maxRecordBytes, bufferBytes }
          const reader = readerOf(shape, how.order, maxRecordBytes)
          const counting: PlainReader = {
            read: (bytes, range) => {
              const found = reader.read(bytes, range)
              if (found) plain++
              return found
            },
            rows: (...args) => reader.rows(...args),
            release: (rows) => reader.release(rows),
            countedDays: () => reader.countedDays(),
          }
          expect(await splitContent(content, { ...settings, plain: counting })).toEqual(
            await splitContent(content, settings),
          )
        },
      ),
      1500,
    )
    expect(plain).toBeGreaterThan(atLeast(1500))
  })

  test('is found again after chunks that are not', async () => {
    const good = Array.from({ length: 40 }, (_, n) => line(n))
    const plain = await plainChunks([...good, line(99, '[]'), ...good].join(''), { kind: 'lines' }, 1000)
    const firstBad = plain.indexOf(false)
    expect(firstBad).toBeGreaterThan(0)
    expect(plain.indexOf(true, firstBad)).toBeGreaterThan(firstBad)
  })

  test('holds no record that is longer than the kernel takes', async () => {
    const most = kernelLimits.recordBytes
    const ofBytes = (bytes: number) => line(1, `{"x":"${'x'.repeat(bytes - line(1).length - 5)}"}`)
    expect(ofBytes(most).length).toBe(most + 1)
    expect(await plainChunks(ofBytes(most), { kind: 'lines' }, 2 * most)).toEqual([true])
    expect(await plainChunks(ofBytes(most + 2), { kind: 'lines' }, 2 * most)).toEqual([false])
    expect(await plainChunks(line(1, `{"x":"${'x'.repeat(15 << 20)}"}`), { kind: 'lines' }, 1000)).toEqual([false])
  })

  test('is no larger than the kernel takes', async () => {
    const many = Array.from({ length: 2000 }, (_, n) => line(n, `{"x":"${'x'.repeat(20_000)}"}`)).join('')
    expect(many.length).toBeGreaterThan(kernelLimits.chunkBytes)
    expect(await plainChunks(many, { kind: 'lines' }, kernelLimits.chunkBytes)).toEqual([true, true])
    expect(await plainChunks(many, { kind: 'lines' }, 2 * kernelLimits.chunkBytes)).toEqual([false])
  })

  test('has rows in the order of the ids, equal ids in the order of the file', { tags: 'property' }, async () => {
    const kernel = theKernel()!
    await assertProperty(
      fc.property(
        fc.array(
          fc.tuple(fc.constantFrom('00', 'a0eebc99', 'a0eebc9a', 'ff'), fc.nat({ max: 30 }), fc.nat({ max: 3 })),
          { minLength: 1, maxLength: 400 },
        ),
        (parts) => {
          const given = parts.map(
            ([prefix, low, high]) => `${prefix.padEnd(8, '0')}-000${high}-4000-8000-${String(low).padStart(12, '0')}`,
          )
          const bytes = Buffer.from(
            given
              .map((id) => `{"event_id":"${id}","occurred_at":"2025-01-31T10:20:30Z","user_id":"u","event_type":"v"}\n`)
              .join(''),
          )
          const mapping = resolveMapping({ columns: null })
          const plan = directPlanOf({ kind: 'lines' }, { mapping, timeFormat: { kind: 'auto' }, latest }, 'UTC', 1000)!
          const range = { from: 0, end: bytes.length, target: bytes.length, most: 1000, isLast: true }
          expect(kernel.read(plan, bytes, range)).toEqual({ count: given.length, stop: bytes.length })
          const repeats = kernel.sort()
          expect(repeats).toBe(given.length - new Set(given).size)
          const rows = kernel.rows({ kind: 'staging' })
          const found: (readonly [string, number])[] = []
          for (let at = 19; rows.readInt16BE(at) !== -1; at += rowBytes(rows, at)) {
            found.push([rows.toString('hex', at + 14, at + 30), rows.readInt32BE(at + 6)])
          }
          const wanted = given.map((id, index) => [id.replaceAll('-', ''), index + 1] as const)
          expect(found).toEqual(wanted.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] - b[1])))
        },
      ),
      1000,
    )
  })
})

/** The length of a row of COPY's binary format. */
function rowBytes(rows: Buffer, from: number): number {
  let at = from + 2
  for (let field = 0; field < rows.readInt16BE(from); field++) at += 4 + rows.readInt32BE(at)
  return at - from
}
