/**
 * Files that are no text: known by their magic bytes or by their control characters, and refused with a sentence that
 * says what they are and what to do.
 */
import { EaError } from '../../core/errors.js'
import { isTar } from '../source/archive/tar.js'

interface Foreign {
  readonly magic: string
  readonly what: string
  readonly next: string
}

const asFile = 'An archive is read from a file of its own, not from a pipe or another archive: `ea import FILE`.'

/** What else people have: magic bytes, its name, and how to get the events out. */
const foreign: readonly Foreign[] = [
  { magic: '\x1f\x8b', what: 'gzip inside of a compressed file', next: 'Decompress it: `zcat FILE | ea import -`.' },
  { magic: 'BZh', what: 'bzip2', next: 'Decompress it: `bzcat FILE | ea import -`.' },
  { magic: '\xfd7zXZ', what: 'xz', next: 'Decompress it: `xzcat FILE | ea import -`.' },
  { magic: '\x04\x22\x4d\x18', what: 'lz4', next: 'Decompress it: `lz4 -dc FILE | ea import -`.' },
  {
    magic: 'PK\x03\x04',
    what: 'a ZIP archive or an Excel workbook',
    next: `${asFile} A sheet of a workbook: save it as CSV.`,
  },
  {
    magic: 'PAR1',
    what: 'Parquet',
    next: 'Parquet is read from a file of its own, not from a pipe or an archive: `ea import FILE`.',
  },
  { magic: 'PARE', what: 'encrypted Parquet', next: 'Write it again without encryption.' },
  { magic: 'Obj\x01', what: 'Avro', next: 'Convert it to NDJSON: `avro-tools tojson FILE | ea import -`.' },
  { magic: 'SQLite format 3', what: 'an SQLite database', next: "Export it: `sqlite3 -csv -header FILE 'SELECT …'`." },
  {
    magic: 'PGDMP',
    what: 'a dump of PostgreSQL',
    next: 'Restore it, and export the table with `\\copy … CSV HEADER`.',
  },
  { magic: '%PDF', what: 'PDF', next: 'Ask for the data as CSV.' },
  { magic: '<?xml', what: 'XML', next: 'Convert it to CSV or NDJSON.' },
  { magic: '<!DOCTYPE', what: 'HTML, perhaps the page of an error', next: 'Fetch the file again.' },
  { magic: '<html', what: 'HTML, perhaps the page of an error', next: 'Fetch the file again.' },
]

/** Bytes that text does not hold: control characters except tab, line ends, form feed and escape. */
const isControl = (byte: number) => byte < 0x20 && ![0x09, 0x0a, 0x0c, 0x0d, 0x1b].includes(byte)

/**
 * Whether a head is no text. A single odd record makes no binary file: either much of it is control characters, or
 * already its first line has some. A format that was given leaves only the first.
 */
export function looksBinary(head: Buffer, formatGiven: boolean): boolean {
  if (findForeign(head)) return true
  const share = head.reduce((count, byte) => count + (isControl(byte) ? 1 : 0), 0) / head.length
  if (share > 0.25) return true
  if (formatGiven) return false
  const firstLine = head.subarray(0, head.indexOf(0x0a) < 0 ? head.length : head.indexOf(0x0a))
  return share > 0.02 && firstLine.some(isControl)
}

const tar: Foreign = { magic: 'ustar', what: 'a tar archive', next: asFile }

const findForeign = (head: Buffer) => {
  const start = head.subarray(0, 64).toString('latin1')
  return isTar(head) ? tar : foreign.find(({ magic }) => start.startsWith(magic))
}

/** The error for a head that `looksBinary`: what it is, as far as one can tell. */
export function rejectBinary(head: Buffer, name: string): EaError {
  const known = findForeign(head)
  const isPacked = /\.(tar\.(bz2|xz|lz4)|t[bx]z2?)$/i.test(name)
  const utf16 = known ? null : utf16Without(head)
  const nulBytes = head.reduce((count, byte) => count + (byte === 0 ? 1 : 0), 0)
  const seen = known
    ? `it is ${known.what}`
    : utf16
      ? `it looks like ${utf16} without a byte order mark`
      : `it is binary: ${nulBytes} of its first ${head.length} bytes are NUL`
  return new EaError('not_recognised', `Not recognised: ${name}: ${seen}.`, {
    suggestions: [
      isPacked
        ? 'Unpack it (`tar -xf FILE -C FOLDER`), and import the folder: `ea import FOLDER`.'
        : (known?.next ?? (utf16 ? `Say so: --encoding ${utf16}` : 'Give it as CSV, TSV, NDJSON or a JSON array.')),
    ],
    details: { path: name },
  })
}

/** Text of the Latin alphabet in UTF-16 has a NUL in nearly every second place, and on one side only. */
function utf16Without(head: Buffer): 'utf-16le' | 'utf-16be' | null {
  const nul: [number, number] = [0, 0]
  head.forEach((byte, index) => {
    if (byte === 0) nul[(index % 2) as 0 | 1]++
  })
  const half = head.length / 2
  if (nul[1] > half * 0.5 && nul[0] < half * 0.05) return 'utf-16le'
  if (nul[0] > half * 0.5 && nul[1] < half * 0.05) return 'utf-16be'
  return null
}
