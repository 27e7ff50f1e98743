/** The form of a segment: what is written is read, whatever happens to the bytes; and its cut into parts. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { atOnce } from '../../../src/lib/core/in-turns.js'
import type { SpooledRequest } from '../../../src/lib/ingest/body/request.js'
import { partsOf } from '../../../src/lib/ingest/spool/parts.js'
import {
  encodeRequest,
  newSegmentName,
  scanSegment as scan,
  segmentOfFile,
} from '../../../src/lib/ingest/spool/segment.js'
import { assertProperty } from '../../support/effort.js'
import { anyRequest, idsOf, spooled } from './spool-requests.js'

const name = newSegmentName(7)
const scanSegment = (segment: string, content: Buffer) => atOnce(scan(segment, content))
const encode = (requests: readonly SpooledRequest[], segment = name) =>
  requests.map((request) => Buffer.concat([...atOnce(encodeRequest(segment, request))]))
/** A line that would pass for a request if nobody looked at the name of the segment. */
const forged = encode([spooled({ good: 0 })], newSegmentName(7))[0]!
  .toString()
  .trimEnd()

test('a name is ordered, and never the same', () => {
  expect(segmentOfFile(`${name}.ndjson`)).toEqual({ name, sequence: 7 })
  expect(segmentOfFile(`${name}.ndjson.tmp`)).toBeUndefined()
  expect(newSegmentName(7)).not.toBe(name)
  expect(newSegmentName(9) < newSegmentName(10)).toBe(true)
})

test('what is written is read', { tags: 'property' }, () => {
  assertProperty(
    fc.property(fc.array(anyRequest(forged), { maxLength: 6 }), (requests) => {
      const content = Buffer.concat(encode(requests))
      expect(scanSegment(name, content)).toEqual({ requests, goodBytes: content.length, damage: [] })
    }),
    100,
  )
})

test('cut at any byte, the whole requests before the cut are there and nothing else', { tags: 'property' }, () => {
  assertProperty(
    fc.property(fc.array(anyRequest(forged), { minLength: 1, maxLength: 4 }), fc.nat(), (requests, at) => {
      const pieces = encode(requests)
      const content = Buffer.concat(pieces)
      const cut = at % (content.length + 1)
      let [whole, end] = [0, 0]
      while (whole < pieces.length && end + pieces[whole]!.length <= cut) end += pieces[whole++]!.length
      const scan = scanSegment(name, content.subarray(0, cut))
      expect(scan.requests).toEqual(requests.slice(0, whole))
      expect(scan.damage.map(({ from, to }) => [from, to])).toEqual(end === cut ? [] : [[end, cut]])
      // Zeros instead of what was cut off, as after a power cut.
      const zeros = Buffer.concat([content.subarray(0, cut), Buffer.alloc(content.length - cut)])
      expect(scanSegment(name, zeros).requests).toEqual(requests.slice(0, whole))
    }),
    300,
  )
})

test('one bad byte costs one request', { tags: 'property' }, () => {
  assertProperty(
    fc.property(
      fc.array(anyRequest(forged), { minLength: 1, maxLength: 4 }),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (requests, at, change) => {
        const pieces = encode(requests)
        const content = Buffer.concat(pieces)
        const place = at % content.length
        let [hit, end] = [0, pieces[0]!.length]
        while (end <= place) end += pieces[++hit]!.length
        content[place]! ^= change
        const scan = scanSegment(name, content)
        expect(scan.requests).toEqual(requests.filter((_, index) => index !== hit))
        expect(scan.damage.map(({ from, to }) => [from, to])).toEqual([[end - pieces[hit]!.length, end]])
      },
    ),
    300,
  )
})

test('parts hold every request once, in order, within their limits', { tags: 'property' }, () => {
  const small = fc.record({
    kind: fc.constantFrom('events' as const, 'collect' as const),
    atomic: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, fc.constant(true)),
    sender: fc.constantFrom('ann', 'bob'),
    good: fc.constantFrom(1, 20_000, 49_999, 60_000),
    key: fc.option(fc.constantFrom('k1', 'k2')),
  })
  assertProperty(
    fc.property(fc.array(small, { maxLength: 20 }), (shapes) => {
      const requests = shapes.map(({ key, ...shape }) => ({
        ...spooled({ lines: Buffer.alloc(0) }),
        ...shape,
        ...(key === null ? {} : { idempotency: { key, bodySha256: Buffer.alloc(32) } }),
      }))
      const parts = partsOf({ name, requests })
      expect(parts.flatMap((part) => part.requests)).toEqual(requests)
      expect(parts.map(({ segment, part }) => [segment, part])).toEqual(parts.map((_, index) => [name, index]))
      for (const part of parts) {
        const { length } = part.requests
        expect(length).toBeGreaterThan(0)
        expect(new Set(part.requests.map(({ kind }) => kind)).size).toBe(1)
        if (length === 1) continue
        expect(part.requests.some(({ atomic }) => atomic)).toBe(false)
        expect(part.requests.reduce((sum, { good }) => sum + good, 0)).toBeLessThanOrEqual(50_000)
        const keys = part.requests.flatMap(({ sender, idempotency }) => (idempotency ? [sender + idempotency.key] : []))
        expect(new Set(keys).size).toBe(keys.length)
      }
    }),
    100,
  )
})

test('a part has at most 16 MB, and neighbours share one when they may', () => {
  const lines = Buffer.alloc(6 * 1024 * 1024)
  const requests = [1, 2, 3].map(() => spooled({ lines }))
  expect(partsOf({ name, requests }).map((part) => part.requests.length)).toEqual([2, 1])
  expect(partsOf({ name, requests: [spooled({ lines: Buffer.alloc(17 * 1024 * 1024) })] })).toHaveLength(1)
  expect(partsOf({ name, requests: Array.from({ length: 500 }, () => spooled()) })).toHaveLength(1)
})

test('the cut is the same for the requests that were read as for those that were written', { tags: 'property' }, () => {
  assertProperty(
    fc.property(fc.array(anyRequest(forged), { maxLength: 8 }), (requests) => {
      const read = scanSegment(name, Buffer.concat(encode(requests))).requests
      const cut = (all: readonly SpooledRequest[]) =>
        partsOf({ name, requests: all }).map((part) => idsOf(part.requests))
      expect(cut(read)).toEqual(cut(requests))
    }),
    100,
  )
})
