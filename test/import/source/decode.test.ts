import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { chooseEncoding, encodingName, findByteOrderMark, newDecoder } from '../../../src/lib/import/source/decode.js'
import { assertProperty } from '../../support/effort.js'
import { errorOf } from '../../support/temp-dir.js'

/** Decodes bytes that come in pieces of the given lengths, over and over. */
function decodeInPieces(encoding: string, bytes: Buffer, pieceBytes: readonly number[]): string {
  const decoder = newDecoder(encoding)
  const out: Buffer[] = []
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = pieceBytes[turn % pieceBytes.length]!
    out.push(decoder.write(bytes.subarray(at, at + length)))
    at += length
  }
  out.push(decoder.end())
  return Buffer.concat(out).toString('utf8')
}

const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16()
const pieces = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 })
const anyText = fc.string({ unit: 'binary' })
const anyBytes = fc.uint8Array().map((bytes) => Buffer.from(bytes))

describe('newDecoder', () => {
  test('text survives UTF-16, wherever the pieces are cut', { tags: 'property' }, () => {
    assertProperty(
      fc.property(anyText, pieces, (text, cuts) => {
        expect(decodeInPieces('utf-16le', Buffer.from(text, 'utf16le'), cuts)).toBe(text)
        expect(decodeInPieces('utf-16be', utf16be(text), cuts)).toBe(text)
      }),
      100,
    )
  })

  test('any bytes as UTF-16: the text of a strict TextDecoder, or an error where it has one', {
    tags: 'property',
  }, () => {
    assertProperty(
      fc.property(anyBytes, pieces, fc.constantFrom('utf-16le', 'utf-16be'), (bytes, cuts, encoding) => {
        const outcome = (decode: () => string) => {
          try {
            return decode()
          } catch {
            return null
          }
        }
        const strict = new TextDecoder(encoding, { fatal: true, ignoreBOM: true })
        expect(outcome(() => decodeInPieces(encoding, bytes, cuts))).toBe(outcome(() => strict.decode(bytes)))
      }),
      500,
    )
  })

  test('latin1 keeps all 256 bytes; windows-1252 differs in the 27 that it defines', () => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    const latin1 = decodeInPieces('latin1', all, [7])
    expect([...latin1].map((char) => char.codePointAt(0))).toEqual([...all])
    const windows = [...decodeInPieces('windows-1252', all, [7])]
    expect(windows.filter((char, byte) => char.codePointAt(0) !== byte)).toHaveLength(27)
    expect(windows[0x80]).toBe('€')
    expect(windows[0x9f]).toBe('Ÿ')
    expect(windows.slice(0xa0).join('')).toBe([...latin1].slice(0xa0).join(''))
  })

  test('other encodings decode wherever the pieces are cut', () => {
    const cases: [string, string, string][] = [
      ['shift_jis', '93fa967b8cea0a8365', '日本語\nテ'],
      ['gb18030', 'd6d0cec40a8139ef30', '中文\n\u3401'],
      ['windows-1251', 'cfe8f0eee3', 'Пирог'],
      ['koi8-r', 'f0c9d2cfc7', 'Пирог'],
    ]
    for (const [encoding, hex, text] of cases) {
      const bytes = Buffer.from(hex, 'hex')
      for (const cut of [1, 2, 3, 100]) expect(decodeInPieces(encoding, bytes, [cut])).toBe(text)
    }
  })

  test('UTF-8 passes untouched, even what is not UTF-8', () => {
    const bytes = Buffer.from([0x61, 0xff, 0xc3])
    expect(newDecoder('utf-8').write(bytes)).toBe(bytes)
  })

  const broken: [what: string, encoding: string, bytes: Buffer, offset: number][] = [
    ['a low half alone', 'utf-16le', Buffer.from('ab\udc00c', 'utf16le'), 4],
    ['a high half alone', 'utf-16le', Buffer.from('ab\ud800c', 'utf16le'), 4],
    ['a high half alone, big endian', 'utf-16be', utf16be('abc\ud83dx'), 6],
    ['a high half at the end', 'utf-16le', Buffer.from('ab\ud800', 'utf16le'), 4],
    ['an odd number of bytes', 'utf-16le', Buffer.from('61006200ff', 'hex'), 4],
    ['a byte of no character', 'shift_jis', Buffer.from('61620a93faff41', 'hex'), 5],
    ['half a character at the end', 'shift_jis', Buffer.from('6162930a93', 'hex'), 3],
    ['a character that ends too early', 'euc-jp', Buffer.from('610ab0a10ab041', 'hex'), 6],
  ]
  test.each(broken)('%s is an error with its offset', async (_, encoding, bytes, offset) => {
    for (const cut of [1, 2, 3, 4, 100]) {
      const error = await errorOf(() => decodeInPieces(encoding, bytes, [cut]))
      expect(error.code).toBe('encoding_error')
      expect(error.details).toMatchObject({ encoding, byte_offset: offset })
    }
  })
})

describe('encodingName', () => {
  test.each([
    ['UTF8', 'utf-8'],
    ['utf-16', 'utf-16'],
    ['UTF-16BE', 'utf-16be'],
    ['ISO-8859-1', 'latin1'],
    ['Latin-1', 'latin1'],
    ['cp1252', 'windows-1252'],
    ['cp1251', 'windows-1251'],
    ['us-ascii', 'utf-8'],
    ['sjis', 'shift_jis'],
  ])('%s is %s', (label, name) => {
    expect(encodingName(label)).toBe(name)
  })

  test('an unknown name is a mistake of usage', async () => {
    expect((await errorOf(() => encodingName('utf-9'))).code).toBe('usage')
  })
})

describe('chooseEncoding', () => {
  const marks = { utf8: [0xef, 0xbb, 0xbf], le: [0xff, 0xfe], be: [0xfe, 0xff], none: [0x61, 0x62] }
  test.each([
    ['none', undefined, 'utf-8', 0],
    ['utf8', undefined, 'utf-8', 3],
    ['le', undefined, 'utf-16le', 2],
    ['be', undefined, 'utf-16be', 2],
    ['be', 'utf-16', 'utf-16be', 2],
    ['none', 'utf-16', 'utf-16le', 0],
    ['none', 'latin1', 'latin1', 0],
    ['utf8', 'utf-8', 'utf-8', 3],
  ] as const)('mark %s, given %s: %s after %i bytes', (mark, given, encoding, markBytes) => {
    expect(chooseEncoding(Buffer.from(marks[mark]), given)).toMatchObject({ encoding, markBytes })
  })

  test.each([
    ['le', 'utf-16be'],
    ['utf8', 'latin1'],
    ['utf8', 'utf-16'],
    ['le', 'utf-8'],
  ] as const)('mark %s contradicts %s', async (mark, given) => {
    const error = await errorOf(() => chooseEncoding(Buffer.from(marks[mark]), given))
    expect(error.code).toBe('encoding_error')
    expect(error.message).toContain(given)
  })

  test('UTF-32 is refused, not read as UTF-16', async () => {
    const head = Buffer.from([0xff, 0xfe, 0, 0, 0x61, 0, 0, 0])
    expect(findByteOrderMark(head)).toEqual({ encoding: 'utf-32', bytes: 4 })
    expect((await errorOf(() => chooseEncoding(head, undefined))).message).toContain('UTF-32')
  })
})
