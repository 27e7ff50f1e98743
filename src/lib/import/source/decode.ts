/**
 * From the bytes of a file to UTF-8, whatever they are encoded in. UTF-8 itself passes through untouched: the splitter
 * judges it record by record. Every other encoding is decoded strictly: bytes that mean nothing are an error with
 * their offset, never a replacement character.
 */
import { EaError } from '../../core/errors.js'

/** A byte order mark: the encoding that it says, and its length in bytes. */
export interface ByteOrderMark {
  readonly encoding: 'utf-8' | 'utf-16le' | 'utf-16be' | 'utf-32'
  readonly bytes: number
}

/** How many bytes `findByteOrderMark` needs to see. */
export const byteOrderMarkMaxBytes = 4

/** The byte order mark at the start of a file, or null. */
export function findByteOrderMark(head: Uint8Array): ByteOrderMark | null {
  const [a, b, c, d] = head
  if (a === 0xef && b === 0xbb && c === 0xbf) return { encoding: 'utf-8', bytes: 3 }
  if (a === 0xff && b === 0xfe && c === 0 && d === 0) return { encoding: 'utf-32', bytes: 4 }
  if (a === 0 && b === 0 && c === 0xfe && d === 0xff) return { encoding: 'utf-32', bytes: 4 }
  if (a === 0xff && b === 0xfe) return { encoding: 'utf-16le', bytes: 2 }
  if (a === 0xfe && b === 0xff) return { encoding: 'utf-16be', bytes: 2 }
  return null
}

// WHATWG reads all of these as windows-1252; whoever says ISO-8859-1 gets the 256 characters of ISO-8859-1.
const latin1Labels = ['latin1', 'latin-1', 'iso-8859-1', 'iso8859-1', 'iso88591', 'iso_8859-1', 'l1', 'cp819']
const asciiLabels = ['ascii', 'us-ascii']

/**
 * The one name of an encoding that is known by several.
 *
 * @param label as given: `UTF8`, `cp1251`, `ISO-8859-1`
 * @returns `utf-8`, `utf-16`, `utf-16le`, `utf-16be`, `latin1`, or the lower-case name of WHATWG
 * @throws EaError `usage` when nobody knows it
 */
export function encodingName(label: string): string {
  const lower = label.trim().toLowerCase()
  if (latin1Labels.includes(lower)) return 'latin1'
  if (asciiLabels.includes(lower)) return 'utf-8'
  if (lower === 'utf-16') return 'utf-16'
  try {
    return new TextDecoder(lower).encoding
  } catch {
    throw new EaError('usage', `--encoding must be the name of a text encoding, not ${JSON.stringify(label)}.`, {
      suggestions: ['Use --encoding utf-8, utf-16le, utf-16be, latin1, windows-1252, or another name of WHATWG.'],
    })
  }
}

/** What the bytes are encoded in, and how many bytes of a mark come before them. */
export interface ChosenEncoding {
  readonly encoding: string
  readonly markBytes: number
  readonly why: string
}

/**
 * Chooses the encoding of a file: its byte order mark, else what was given, else UTF-8.
 *
 * @param head the first bytes of the decompressed content, at least `byteOrderMarkMaxBytes` unless it is shorter
 * @param given a name of `encodingName`, when a person named one
 * @throws EaError `encoding_error` when mark and name contradict each other, or the mark is one of UTF-32
 */
export function chooseEncoding(head: Uint8Array, given: string | undefined): ChosenEncoding {
  const mark = findByteOrderMark(head)
  if (mark === null) {
    if (given === undefined) return { encoding: 'utf-8', markBytes: 0, why: 'encoding utf-8: no byte order mark' }
    return { encoding: given === 'utf-16' ? 'utf-16le' : given, markBytes: 0, why: `encoding ${given}: as given` }
  }
  if (mark.encoding === 'utf-32') {
    throw new EaError('encoding_error', 'The file begins with the byte order mark of UTF-32, which ea does not read.', {
      suggestions: ['Convert it: `iconv -f UTF-32 -t UTF-8 FILE | ea import -`.'],
      details: { byte_offset: 0 },
    })
  }
  const agrees = given === undefined || given === mark.encoding || (given === 'utf-16' && mark.encoding !== 'utf-8')
  if (!agrees) {
    throw new EaError(
      'encoding_error',
      `The file has the byte order mark of ${mark.encoding}, so it is not ${given}.`,
      {
        suggestions: ['Leave --encoding away.'],
        details: { byte_offset: 0 },
      },
    )
  }
  return { encoding: mark.encoding, markBytes: mark.bytes, why: `encoding ${mark.encoding}: byte order mark` }
}

/** Takes bytes in pieces of any length, gives UTF-8. */
export interface Decoder {
  /** The UTF-8 of what is complete so far; the rest waits for the next piece. */
  write(bytes: Buffer): Buffer
  /** The UTF-8 of what is left at the end. */
  end(): Buffer
}

/**
 * A decoder of an encoding of `encodingName`.
 *
 * @param firstByte the offset of the first byte in the decompressed content, for errors
 * @throws EaError `encoding_error` from `write` and `end`, with `details.byte_offset`
 * @example
 * newDecoder('utf-16le', 2).write(Buffer.from('hi', 'utf16le')) // <Buffer 68 69>
 */
export function newDecoder(encoding: string, firstByte = 0): Decoder {
  if (encoding === 'utf-8') return { write: (bytes) => bytes, end: () => nothing }
  if (encoding === 'latin1')
    return { write: (bytes) => Buffer.from(bytes.toString('latin1'), 'utf8'), end: () => nothing }
  if (encoding === 'windows-1252') return { write: decodeWindows1252, end: () => nothing }
  if (encoding === 'utf-16le' || encoding === 'utf-16be') return utf16Decoder(encoding, firstByte)
  return strictDecoder(encoding, firstByte)
}

const nothing = Buffer.alloc(0)

// The 32 characters in which windows-1252 differs from ISO-8859-1. A table of our own, because TextDecoder of some
// releases of Node (22.13 and others) reads windows-1252 as ISO-8859-1.
const windows1252 =
  '\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f' +
  '\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178'

function decodeWindows1252(bytes: Buffer): Buffer {
  const text = bytes
    .toString('latin1')
    .replace(/[\x80-\x9f]/g, (char: string) => windows1252[char.charCodeAt(0) - 0x80]!)
  return Buffer.from(text, 'utf8')
}

const loneSurrogate = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/

/** UTF-16, by Node's fast path for little endian: what it leaves to us is half characters, at borders and alone. */
function utf16Decoder(encoding: 'utf-16le' | 'utf-16be', firstByte: number): Decoder {
  let waiting: Buffer = nothing
  let offset = firstByte
  const toUtf8 = (bytes: Buffer): Buffer => {
    const units = encoding === 'utf-16be' ? Buffer.from(bytes).swap16() : bytes
    const text = units.toString('utf16le')
    const lone = loneSurrogateAt(text)
    if (lone >= 0) throw undecodable(encoding, offset + 2 * lone)
    offset += bytes.length
    return Buffer.from(text, 'utf8')
  }
  return {
    write(piece) {
      const bytes = waiting.length === 0 ? piece : Buffer.concat([waiting, piece])
      let whole = bytes.length - (bytes.length % 2)
      if (whole > 0) {
        const lastHighByte = bytes[encoding === 'utf-16le' ? whole - 1 : whole - 2]!
        if (lastHighByte >= 0xd8 && lastHighByte <= 0xdb) whole -= 2
      }
      waiting = Buffer.from(bytes.subarray(whole))
      return whole === 0 ? nothing : toUtf8(bytes.subarray(0, whole))
    },
    end() {
      if (waiting.length > 0) throw undecodable(encoding, offset)
      return nothing
    },
  }
}

function loneSurrogateAt(text: string): number {
  // String.prototype.isWellFormed is in every Node that ea supports, but not yet in TypeScript's ES2023.
  if ((text as string & { isWellFormed(): boolean }).isWellFormed()) return -1
  return text.search(loneSurrogate)
}

/** Any encoding of WHATWG. TextDecoder does not say where it failed, so the piece is read again byte by byte. */
function strictDecoder(encoding: string, firstByte: number): Decoder {
  const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true })
  let previous: Buffer = nothing
  let offset = firstByte
  const decode = (piece: Buffer, atEnd: boolean): Buffer => {
    try {
      return Buffer.from(decoder.decode(piece, { stream: !atEnd }), 'utf8')
    } catch {
      // A line feed is never a part of a longer character, so reading can begin after one.
      const from = previous.lastIndexOf(0x0a) + 1
      const bytes = Buffer.concat([previous.subarray(from), piece])
      throw undecodable(encoding, offset - (previous.length - from) + failsAt(encoding, bytes))
    }
  }
  return {
    write(piece) {
      const text = decode(piece, false)
      offset += piece.length
      previous = piece
      return text
    },
    end: () => decode(nothing, true),
  }
}

/** The index of the byte at which strict decoding fails; the length when it fails because there are no more bytes. */
function failsAt(encoding: string, bytes: Buffer): number {
  const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true })
  for (let index = 0; index < bytes.length; index++) {
    try {
      decoder.decode(bytes.subarray(index, index + 1), { stream: true })
    } catch {
      return index
    }
  }
  return bytes.length
}

function undecodable(encoding: string, byteOffset: number): EaError {
  return new EaError('encoding_error', `Byte ${byteOffset} is not ${encoding}: no character is written like this.`, {
    details: { encoding, byte_offset: byteOffset },
  })
}
