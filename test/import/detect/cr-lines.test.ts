/** Whether a CR alone ends records is decided by the head, and a stray one never makes two records of one. */
import { describe, expect, test } from 'vitest'
import { crEndsRecords } from '../../../src/lib/import/detect/cr-lines.js'
import { sniff } from '../../../src/lib/import/detect/sniff.js'
import { csv, recordsOf, splitContent } from '../../load/split/split-content.js'

const ends = (text: string, atEnd = true) => crEndsRecords(Buffer.from(text), atEnd, { delimiter: 0x2c, quote: 0x22 })

describe('the head decides', () => {
  test.each([
    ['no CR at all', 'a,b\n1,2\n', false],
    ['CRLF', 'a,b\r\n1,2\r\n', false],
    ['only CR', 'a,b\r1,2\r3,4\r', true],
    ['only CR, and broken records', 'a,b\r1\r2\r3,4\r', true],
    ['a header with LF in front of records with CR', 'a,b\n1,2\r3,4\r5,6\r', true],
    ['all kinds', 'a,b\r\n1,2\r3,4\n\r5,6\r\n', true],
    ['CR in a field', 'a,b\n1,x\ry\n2,z\n', false],
    ['CR in the last field of every record', 'a,b\n1,x\ry\n2,x\ry\r\n3,x\ry', false],
    ['several CR in one field of the only record', 'a,b\n1,x\ry\rz\rw', false],
    ['CR in a name of the header', 'a,b\rc\n1,2\n', false],
    ['CR in quotes only', 'a,b\n1,"x\ry\rz"\n2,"""\r"\n', false],
    ['LF in quotes only', 'a,b\r1,"x\ny"\r2,3', true],
  ])('%s', (_, text, expected) => {
    expect(ends(text)).toBe(expected)
    expect(sniff(Buffer.from(text), true, { format: 'csv' }).crEndsRecords).toBe(expected)
  })

  test('a head that goes on decides the same, however much of it is there', () => {
    const mixed = Buffer.from(`a,b\n${'1,x\ry\n'.repeat(40_000)}`)
    const old = Buffer.from(`a,b\n${'1,2\r'.repeat(60_000)}`)
    for (const size of [140_000, 140_001, 200_000]) {
      expect(ends(mixed.subarray(0, size).toString(), false)).toBe(false)
      expect(ends(old.subarray(0, size).toString(), false)).toBe(true)
    }
  })
})

describe('where lines end with LF or CRLF', () => {
  const shape = csv(2, { crEndsRecords: false })

  test.each([1, 2, 3, 5, 100])(
    'a CR without quotes rejects its whole line: buffers of %i bytes',
    async (bufferBytes) => {
      const content = '1,a\rb\n2,b\r\n\r3,c\n4,"d\re"\n5,"e"\r6,f\n\r\n"7\r8,g\n9,h\r'
      const chunks = await splitContent(content, { shape, bufferBytes, chunkBytes: 4 })
      expect(recordsOf(chunks).map(({ line, code, raw }) => [line, code, raw])).toEqual([
        [1, 'unquoted_cr', '1,a\rb'],
        [2, undefined, '2,b'],
        [3, 'unquoted_cr', '\r3,c'],
        [4, undefined, '4,"d\re"'],
        [5, 'unquoted_cr', '5,"e"\r6,f'],
        [7, 'unclosed_quote', '"7\r8,g'],
        [8, undefined, '9,h'],
      ])
    },
  )

  test.each([1, 7, 100_000])(
    'also one that is longer than a record may be: buffers of %i bytes',
    async (bufferBytes) => {
      const long = `1,${'x\r'.repeat(100_000)}`
      const chunks = await splitContent(`${long}\r\n2,b\n`, { shape, bufferBytes, chunkBytes: 10, maxRecordBytes: 50 })
      expect(chunks[0]!.rejects).toMatchObject([
        { code: 'record_too_long', detail: expect.stringMatching(`^${long.length} `) },
      ])
      expect(recordsOf(chunks)[1]).toMatchObject({ record: 2, line: 2, byteOffset: long.length + 2, raw: '2,b' })
    },
  )
})
