/**
 * Decompresses what begins with the magic bytes of gzip or zstd, whatever the file is called. A file that is cut off or
 * damaged is an error: half of a file must never pass for the whole.
 */
import { pipeline, Readable, type Transform } from 'node:stream'
import zlib from 'node:zlib'
import { EaError } from '../errors.js'

export type Compression = 'none' | 'gzip' | 'zstd'

/** How many bytes `findCompression` needs to see. */
export const magicMaxBytes = 4

const outputBlockBytes = 256 * 1024

/** What the first bytes of a file say. */
export function findCompression(head: Uint8Array): Compression {
  const [a, b, c, d] = head
  if (a === 0x1f && b === 0x8b) return 'gzip'
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) return 'zstd'
  // A skippable frame: pzstd begins its files with one.
  if (a !== undefined && a >= 0x50 && a <= 0x5f && b === 0x2a && c === 0x4d && d === 0x18) return 'zstd'
  return 'none'
}

/** Node 22.15 and newer have it; the types of Node 20 do not know it. */
const createZstdDecompress = (zlib as { createZstdDecompress?: (options: { chunkSize: number }) => Transform })
  .createZstdDecompress

/** Whether this Node reads zstd. */
export const canReadZstd = createZstdDecompress !== undefined

/**
 * The decompressed bytes, in blocks that belong to whoever takes them.
 *
 * @param name for errors: the path as it was given
 * @throws EaError `file_corrupt` while reading; `compression_unsupported` at once
 */
export function decompress(
  blocks: AsyncIterable<Buffer>,
  compression: Exclude<Compression, 'none'>,
  name: string,
): AsyncIterable<Buffer> {
  if (compression === 'zstd' && !createZstdDecompress) {
    throw new EaError('compression_unsupported', `Node ${process.versions.node} cannot read zstd: ${name}`, {
      suggestions: [`Use Node 22.15 or newer, or decompress it: \`zstd -dc ${shellWord(name)} | ea import -\`.`],
      details: { path: name },
    })
  }
  const options = { chunkSize: outputBlockBytes }
  const transform = compression === 'gzip' ? zlib.createGunzip(options) : createZstdDecompress!(options)
  return outputOf(blocks, transform, name)
}

async function* outputOf(blocks: AsyncIterable<Buffer>, transform: Transform, name: string): AsyncGenerator<Buffer> {
  // The pipeline destroys both ends; its error arrives by the loop below.
  pipeline(Readable.from(blocks, { objectMode: true, highWaterMark: 1 }), transform, () => {})
  try {
    for await (const block of transform) yield block as Buffer
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (error instanceof EaError || !/^(Z_|ZSTD_|ERR_ZLIB)/.test(code ?? '')) throw error
    const cutOff = code === 'Z_BUF_ERROR'
    throw new EaError('file_corrupt', `${cutOff ? 'Cut off' : 'Damaged'}: ${name} (${(error as Error).message})`, {
      details: { path: name },
      cause: error,
    })
  }
}

const shellWord = (word: string) => (/^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)
