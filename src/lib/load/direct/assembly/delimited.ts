/**
 * A record of CSV and its kin, for which split/scanners/delimited.ts has the rules. It is taken when it is good and plain: no quote
 * inside an unquoted field, no control character.
 */
import { keepText, propertiesOffset, typeOffset, userOffset } from './memory'
import { isShallow, isShortText, readId, readTime } from './values'

let delimiter: u32 = 0
/** Above any byte when nothing quotes. */
let quote: u32 = 0
let fields: usize = 0
/** What each field is, one byte each: 0 for nothing, 1 to 5 for the fields of an event in their order. */
let roles: usize = 0

export function setDelimited(delimiterByte: u32, quoteByte: u32, fieldCount: usize, atRoles: usize): void {
  delimiter = delimiterByte
  quote = quoteByte
  fields = fieldCount
  roles = atRoles
}

/** The byte that is doubled inside of texts. */
export function doubledByte(): u32 {
  return quote
}

/** Reads the record at `p`. @returns the index after its last field; 0 when it is not plain */
export function readFields(p: usize, record: usize): usize {
  for (let field: usize = 0; field < fields; field++) {
    let at = p
    let quotes: usize = 0
    let byte = <u32>load<u8>(p)
    const isQuoted = byte === quote
    if (isQuoted) {
      at = ++p
      for (;;) {
        byte = <u32>load<u8>(p)
        if (byte === quote) {
          if (<u32>load<u8>(p, 1) !== quote) break
          quotes++
          p += 2
        } else if (byte < 0x20) return 0
        else p++
      }
    } else {
      while (byte !== delimiter && byte >= 0x20) {
        if (byte === quote) return 0
        byte = <u32>load<u8>(++p)
      }
    }
    const length = p - at
    if (isQuoted) p++
    switch (load<u8>(roles + field)) {
      case 1:
        if (!readId(at, length, record)) return 0
        break
      case 2:
        if (!readTime(at, length, record)) return 0
        break
      case 3:
        if (!isShortText(at, length, quotes, 255)) return 0
        keepText(record + userOffset, at, length, quotes)
        break
      case 4:
        if (!isShortText(at, length, quotes, 100)) return 0
        keepText(record + typeOffset, at, length, quotes)
        break
      case 5:
        if (length === 0 ? isQuoted : load<u8>(at) !== 0x7b || !isShallow(at, length)) return 0
        keepText(record + propertiesOffset, at, length, quotes)
        break
      default:
    }
    if (field + 1 < fields) {
      if (<u32>load<u8>(p) !== delimiter) return 0
      p++
    }
  }
  return p
}
