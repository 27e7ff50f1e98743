/**
 * Decompresses what begins with the magic bytes of gzip or zstd, whatever the file is called, and brotli, which has none, by the
 * name. A file that is cut off or damaged is an error: half of a file must never pass for the whole.
 */
import type { Transform } from 'node:stream'
import zlib from 'node:zlib'
import { EaError } from '../../core/errors.js'
import { nameForPeople } from './paths.js'
import { peek } from './peek.js'

export type Compression = 'none' | 'gzip' | 'zstd' | 'brotli'

const magicMaxBytes = 4

const outputBlockBytes = 256 * 1024

/**
 * The content of a file, and how it was compressed.
 *
 * @throws EaError `file_corrupt`, `compression_unsupported`; also while reading
 */
export async function decompressed({
  blocks,
  name,
}: {
  readonly blocks: AsyncIterable<Buffer>
  readonly name: string
}) {
  const start = await peek(blocks, magicMaxBytes)
  requireWhole(start.head, name)
  const compression = findCompression(start.head, name)
  return { compression, blocks: compression === 'none' ? start.blocks : decompress(start.blocks, compression, name) }
}

/** What the first bytes of a file say, and its name where they say nothing. */
export function findCompression(head: Uint8Array, name: string): Compression {
  const [a, b, c, d] = head
  if (a === 0x1f && b === 0x8b) return 'gzip'
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) return 'zstd'
  // A skippable frame: pzstd begins its files with one.
  if (a !== undefined && a >= 0x50 && a <= 0x5f && b === 0x2a && c === 0x4d && d === 0x18) return 'zstd'
  return /\.br$/i.test(name) ? 'brotli' : 'none'
}

const magicOf: Readonly<Record<string, readonly number[]>> = {
  gz: [0x1f, 0x8b],
  tgz: [0x1f, 0x8b],
  zst: [0x28, 0xb5, 0x2f, 0xfd],
  zip: [0x50, 0x4b],
  br: [],
  tar: [],
}

/**
 * Makes sure that what is called compressed is not a file that ends within the magic bytes, as a download that failed leaves
 * it: nothing at all is no gzip.
 */
function requireWhole(head: Uint8Array, name: string): void {
  const magic = magicOf[/\.(\w+)$/.exec(name)?.[1]?.toLowerCase() ?? '']
  if (magic === undefined || head.length >= Math.max(1, magic.length)) return
  if (head.some((byte, index) => byte !== magic[index])) return
  const has = head.length === 0 ? 'it has no bytes' : 'it ends within its first bytes'
  throw new EaError('file_corrupt', `Cut off: ${nameForPeople(name)} (${has})`, { details: { path: name } })
}

/** Node 22.15 and newer have it; the types of Node 20 do not know it. */
const createZstdDecompress = (zlib as { createZstdDecompress?: (options: { chunkSize: number }) => Transform })
  .createZstdDecompress

/** Whether this Node reads zstd. */
export const canReadZstd = createZstdDecompress !== undefined

/**
 * The decompressed bytes, in blocks that belong to whoever takes them.
 *
 * @param compression `deflate` is what ZIP archives have: gzip without its head
 * @param name for errors: the path as it was given
 * @throws EaError `file_corrupt` while reading; `compression_unsupported` at once
 */
export function decompress(
  blocks: AsyncIterable<Buffer>,
  compression: Exclude<Compression, 'none'> | 'deflate',
  name: string,
): AsyncIterable<Buffer> {
  if (compression === 'zstd' && !createZstdDecompress) {
    throw new EaError(
      'compression_unsupported',
      `Node ${process.versions.node} cannot read zstd: ${nameForPeople(name)}`,
      {
        suggestions: [`Use Node 22.15 or newer, or decompress it: ${howToDecompress(name)}.`],
        details: { path: name },
      },
    )
  }
  const options = { chunkSize: outputBlockBytes }
  const make = {
    gzip: zlib.createGunzip,
    brotli: zlib.createBrotliDecompress,
    deflate: zlib.createInflateRaw,
    zstd: createZstdDecompress!,
  }[compression]
  return partsOf(new Input(blocks), () => make(options) as Decompressor, name)
}

/** A stream of zlib; `bytesWritten` counts what it has really used. */
type Decompressor = Transform & { readonly bytesWritten: number }

/**
 * A compressed file may have several parts (gzip members, zstd frames), each complete in itself. A decompressor of Node
 * may end after one of them without a word about the bytes after it (zstd always does, gzip at zeros), so a new one
 * goes on where it stopped. Zeros after the last part are padding.
 */
async function* partsOf(input: Input, decompressor: () => Decompressor, name: string): AsyncGenerator<Buffer> {
  try {
    for (let part = 0; await input.hasMore(part > 0); part++) {
      const transform = decompressor()
      const feeding = feed(input, transform)
      try {
        for await (const block of transform) yield block as Buffer
      } finally {
        transform.destroy()
        await feeding
      }
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (error instanceof EaError || !/^(Z_|ZSTD_|ERR_ZLIB|ERR_BROTLI|ERR__ERROR)/.test(code ?? '')) throw error
    const what = /unexpected end/.test((error as Error).message) ? 'Cut off' : 'Damaged'
    throw new EaError('file_corrupt', `${what}: ${nameForPeople(name)} (${(error as Error).message})`, {
      details: { path: name },
      cause: error,
    })
  } finally {
    await input.close()
  }
}

/** Writes block after block until there are no more or the decompressor ends; what it did not use goes back. */
async function feed(input: Input, transform: Decompressor): Promise<void> {
  let isOver = false
  const over = new Promise<void>((resolve) => {
    for (const event of ['end', 'close', 'error']) {
      transform.once(event, () => {
        isOver = true
        resolve()
      })
    }
  })
  let writtenBytes = 0
  try {
    for (;;) {
      const block = await input.take()
      if (block === null || isOver) {
        if (block) input.putBack(block)
        else transform.end()
        return
      }
      writtenBytes += block.length
      const used = new Promise<void>((resolve) => transform.write(block, () => resolve()))
      await Promise.race([used, over])
      const unusedBytes = writtenBytes - transform.bytesWritten
      if (unusedBytes > 0 || isOver) {
        input.putBack(block.subarray(block.length - unusedBytes))
        return
      }
    }
  } catch (error) {
    transform.destroy(error as Error)
  }
}

/** Blocks that can be put back. */
class Input {
  readonly #iterator: AsyncIterator<Buffer>
  #back: Buffer | null = null

  constructor(blocks: AsyncIterable<Buffer>) {
    this.#iterator = blocks[Symbol.asyncIterator]()
  }

  async take(): Promise<Buffer | null> {
    const back = this.#back
    this.#back = null
    if (back) return back
    const { value, done } = await this.#iterator.next()
    return done ? null : value
  }

  putBack(block: Buffer): void {
    if (block.length > 0) this.#back = block
  }

  /** Whether another part follows; after a part zeros are skipped. */
  async hasMore(isBehindPart: boolean): Promise<boolean> {
    for (;;) {
      const block = await this.take()
      if (block === null) return false
      const from = isBehindPart ? block.findIndex((byte) => byte !== 0) : 0
      if (from < 0) continue
      this.putBack(block.subarray(from))
      return true
    }
  }

  async close(): Promise<void> {
    await this.#iterator.return?.()
  }
}

/** An archive is not read from a pipe. */
const howToDecompress = (name: string) =>
  /\.tar\.zst$/i.test(name)
    ? `\`zstd -d ${shellWord(name)}\`, and import the tar`
    : `\`zstd -dc ${shellWord(name)} | ea import -\``

const shellWord = (word: string) => (/^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)
