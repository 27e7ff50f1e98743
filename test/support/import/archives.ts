/** Archives for tests: good ones made by yazl and by a few lines for tar, and what an attacker or a bad disk makes of them. */
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { ZipFile } from 'yazl'

export type Files = Readonly<Record<string, string | Buffer>>

export interface ZipOptions {
  /** Stored as they are; else by deflate. */
  readonly isStored?: boolean
  readonly isZip64?: boolean
  /** The sizes come after the data, as in a ZIP that was written to a pipe. */
  readonly isStreamed?: boolean
}

/** A ZIP of these files; a name that ends with `/` is a folder. */
export async function zipOf(files: Files, { isStored, isZip64, isStreamed }: ZipOptions = {}): Promise<Buffer> {
  const zip = new ZipFile()
  const options = { compress: !isStored, forceZip64Format: isZip64 ?? false }
  for (const [name, content] of Object.entries(files)) {
    if (name.endsWith('/')) zip.addEmptyDirectory(name)
    else if (isStreamed) zip.addReadStream(Readable.from([Buffer.from(content)]), name, options)
    else zip.addBuffer(Buffer.from(content), name, options)
  }
  zip.end({ forceZip64Format: isZip64 ?? false, comment: '' })
  return buffer(zip.outputStream)
}

/** Every place of some bytes in others. */
function placesOf(bytes: Buffer, part: Buffer | string): number[] {
  const places: number[] = []
  for (let at = bytes.indexOf(part); at >= 0; at = bytes.indexOf(part, at + 1)) places.push(at)
  return places
}

/** All of `from` replaced by `to`, which is as long. */
export function replaced(bytes: Buffer, from: string, to: string): Buffer {
  const copy = Buffer.from(bytes)
  for (const at of placesOf(copy, from)) copy.write(to, at, 'latin1')
  return copy
}

const directoryHeader = Buffer.from('504b0102', 'hex')

/** A ZIP with other numbers in the headers of its directory; `at` counts from the start of a header. */
export function withDirectory(
  zip: Buffer,
  edit: (header: Buffer, index: number, all: readonly Buffer[]) => void,
): Buffer {
  const copy = Buffer.from(zip)
  const headers = placesOf(copy, directoryHeader).map((at) => copy.subarray(at))
  for (const [index, header] of headers.entries()) edit(header, index, headers)
  return copy
}

/** Where the parts of a header of the directory are. */
export const zipField = { flags: 8, method: 10, crc: 16, bytes: 24, attributes: 38, offset: 42 } as const

export interface TarEntry {
  readonly name: string
  readonly content?: string | Buffer
  /** `0` file, `1` hard link, `2` symbolic link, `3` device, `5` folder, `x` facts about the next one, `S` sparse. */
  readonly type?: string
}

/** A tar (ustar) of these entries, with the two blocks of zeros at its end unless it has none. */
export function tarOf(entries: Files | readonly TarEntry[], hasEnd = true): Buffer {
  const list: readonly TarEntry[] = Array.isArray(entries)
    ? (entries as readonly TarEntry[])
    : Object.entries(entries as Files).map(([name, content]) => ({ name, content }))
  const parts = list.flatMap(({ name, content = '', type = '0' }) => {
    const bytes = Buffer.from(content)
    return [tarHeader(name, bytes.length, type), bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]
  })
  return Buffer.concat([...parts, Buffer.alloc(hasEnd ? 1024 : 0)])
}

function tarHeader(name: string, bytes: number, type: string): Buffer {
  const header = Buffer.alloc(512)
  header.write(name, 0, 100)
  header.write('0000644\0', 100)
  header.write(`${bytes.toString(8).padStart(11, '0')}\0`, 124)
  header.write('        ', 148)
  header.write(type, 156)
  header.write('ustar\x0000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}
