import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { appendFile, chmod, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canReadZstd, decompress } from '../../../src/lib/import/source/compression.js'
import {
  hashFile,
  headBytes,
  openSource,
  type Source,
  type SourceOptions,
  withSource,
} from '../../../src/lib/import/source/source.js'
import { assertProperty } from '../../support/effort.js'
import { errorOf, withScratchFolder } from '../../support/temp-dir.js'

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

async function textOf(blocks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = []
  for await (const block of blocks) all.push(block)
  return Buffer.concat(all)
}

/** Writes content to a file and reads it all as a source. */
async function read(content: Buffer | string, options: SourceOptions = {}, name = 'events.csv') {
  return withScratchFolder(async (folder) => {
    const path = join(folder, name)
    await writeFile(path, content)
    return withSource(path, options, async (source) => {
      const text = await textOf(source.stream())
      return { source, text, sha256: source.sha256().toString('hex'), identity: await hashFile(path) }
    })
  })
}

/** More than several blocks, and not the same anywhere. */
const long = Buffer.from(Array.from({ length: 200_000 }, (_, line) => `${line},ä\n`).join(''))

describe('openSource', () => {
  test('gives a file as it is, with its hash, its size and where it is', async () => {
    const { source, text, sha256: hash, identity } = await read(long)
    expect(text.equals(long)).toBe(true)
    expect(hash).toBe(sha256(long))
    expect(identity.sha256.toString('hex')).toBe(hash)
    expect(identity.contentBytes).toBe(long.length)
    expect(source.progress()).toEqual({ readBytes: long.length, totalBytes: long.length })
    expect(source.contentBytes()).toBe(long.length)
    expect(source).toMatchObject({
      kind: 'file',
      compression: 'none',
      encoding: 'utf-8',
      baseOffset: 0,
      headIsAll: false,
    })
  })

  test('looking at the head consumes nothing', async () => {
    const { source, text } = await read(long)
    expect(source.head.length).toBeGreaterThanOrEqual(headBytes)
    expect(text.subarray(0, source.head.length).equals(source.head)).toBe(true)
    const short = await read('a,b\n')
    expect(short.source.head.toString()).toBe('a,b\n')
    expect(short.source.headIsAll).toBe(true)
  })

  test('an empty file is a file', async () => {
    const { source, text, sha256: hash } = await read('')
    expect(text.length).toBe(0)
    expect(source.headIsAll).toBe(true)
    expect(hash).toBe(sha256(Buffer.alloc(0)))
  })

  test('a gzip twin is the same file, whatever it is called', async () => {
    const plain = await read(long)
    const packed = await read(gzipSync(long), {}, 'events.csv')
    expect(packed.source.compression).toBe('gzip')
    expect(packed.text.equals(long)).toBe(true)
    expect(packed.sha256).toBe(plain.sha256)
    expect(packed.identity.sha256.toString('hex')).toBe(plain.sha256)
    expect(packed.identity.contentBytes).toBe(long.length)
    expect(packed.source.progress().readBytes).toBe(packed.source.progress().totalBytes)
    expect(packed.source.contentBytes()).toBe(long.length)
  })

  test('a file named .gz that is not compressed is read as it is', async () => {
    expect((await read('a,b\n', {}, 'events.csv.gz')).text.toString()).toBe('a,b\n')
  })

  test('the mark of UTF-8 is no part of the stream, but of the hash and of the offsets', async () => {
    const marked = Buffer.from('\ufeffa,b\n')
    const { source, text, sha256: hash } = await read(marked)
    expect(text.toString()).toBe('a,b\n')
    expect(source.head.toString()).toBe('a,b\n')
    expect(source.baseOffset).toBe(3)
    expect(hash).toBe(sha256(marked))
  })

  test('UTF-16 by its mark, in gzip, becomes UTF-8; the hash is that of the bytes before', async () => {
    const bytes = Buffer.from(`\ufeff${long}`, 'utf16le')
    const { source, text, sha256: hash } = await read(gzipSync(bytes))
    expect(text.equals(long)).toBe(true)
    expect(source.encoding).toBe('utf-16le')
    expect(source.baseOffset).toBe(0)
    expect(hash).toBe(sha256(bytes))
  })

  test('an encoding that is given', async () => {
    expect((await read(Buffer.from('caf\xe9 \x80', 'latin1'), { encoding: 'windows-1252' })).text.toString()).toBe(
      'café €',
    )
    expect((await read(Buffer.from('caf\xe9', 'latin1'), { encoding: 'ISO-8859-1' })).text.toString()).toBe('café')
  })

  test('the offset of what cannot be decoded counts the mark', async () => {
    const error = await errorOf(() => read(Buffer.from('\ufeffab\ud800c', 'utf16le')))
    expect(error.code).toBe('encoding_error')
    expect(error.details.byte_offset).toBe(6)
  })

  test('a file that grows while it is open shows it', async () => {
    await withScratchFolder(async (folder) => {
      const path = join(folder, 'a.csv')
      await writeFile(path, 'a\n')
      await withSource(path, {}, async (source) => {
        expect(await source.state()).toEqual(source.opened)
        await appendFile(path, 'b\n')
        expect((await source.state())?.bytes).toBe(4)
        expect(source.opened?.bytes).toBe(2)
      })
    })
  })

  test('what is not there, is a folder or is a device', async () => {
    expect((await errorOf(() => openSource('/no/such.csv'))).code).toBe('file_not_found')
    expect((await errorOf(() => hashFile('/no/such.csv'))).code).toBe('file_not_found')
    expect((await errorOf(() => openSource('/tmp'))).message).toContain('A folder')
    expect((await errorOf(() => hashFile('/tmp'))).code).toBe('file_not_readable')
    expect((await errorOf(() => openSource('/dev/null'))).code).toBe('file_not_readable')
  })

  test.skipIf(process.getuid?.() === 0)('without permission', async () => {
    await withScratchFolder(async (folder) => {
      const path = join(folder, 'a.csv')
      await writeFile(path, 'a\n')
      await chmod(path, 0)
      expect((await errorOf(() => openSource(path))).message).toContain('No permission')
    })
  })

  test('a source can be left unread, or in the middle, and closes', async () => {
    await withScratchFolder(async (folder) => {
      const path = join(folder, 'a.csv')
      for (const content of [long, gzipSync(long)]) {
        await writeFile(path, content)
        await withSource(path, {}, async () => {})
        await withSource(path, {}, async (source) => {
          for await (const block of source.stream()) {
            expect(block.length).toBeGreaterThan(0)
            break
          }
        })
      }
    })
  })
})

describe('what streams once', () => {
  async function readStdin(stdin: Readable): Promise<{ source: Source; text: Buffer; hash: string }> {
    return withSource('-', { stdin }, async (source) => {
      const text = await textOf(source.stream())
      return { source, text, hash: source.sha256().toString('hex') }
    })
  }

  test('standard input has the hash of its content at its end', async () => {
    const { source, text, hash } = await readStdin(Readable.from([long.subarray(0, 10), long.subarray(10)]))
    expect(text.equals(long)).toBe(true)
    expect(hash).toBe(sha256(long))
    expect(source).toMatchObject({ name: '-', kind: 'stdin', opened: null })
    expect(source.progress()).toEqual({ readBytes: long.length, totalBytes: null })
  })

  test('standard input in pieces of any size, packed or not', { tags: 'property' }, async () => {
    const content = Buffer.from('\ufeffevent_id,x\n1,2\n')
    const samples = fc.record({ packed: fc.boolean(), pieceBytes: fc.integer({ min: 1, max: 9 }) })
    await assertProperty(
      fc.asyncProperty(samples, async ({ packed, pieceBytes }) => {
        const bytes = packed ? gzipSync(content) : content
        const blocks = Array.from({ length: Math.ceil(bytes.length / pieceBytes) }, (_, index) =>
          bytes.subarray(index * pieceBytes, (index + 1) * pieceBytes),
        )
        const { text, hash } = await readStdin(Readable.from(blocks))
        expect(text.toString()).toBe('event_id,x\n1,2\n')
        expect(hash).toBe(sha256(content))
      }),
      20,
    )
  })

  test('a named pipe is read like standard input', async () => {
    await withScratchFolder(async (folder) => {
      const pipe = join(folder, 'pipe')
      execFileSync('mkfifo', [pipe])
      const writer = spawn('sh', ['-c', 'seq 100000 > "$0"', pipe])
      const exited = once(writer, 'exit')
      const text = await withSource(pipe, {}, async (source) => {
        expect(source.kind).toBe('stdin')
        return (await textOf(source.stream())).toString()
      })
      await exited
      expect(text.split('\n').length).toBe(100_001)
    })
  })

  test('a folder as standard input is an error, not an empty file', async () => {
    const script = `
      import { openSource } from './src/lib/import/source/source.ts'
      await openSource('-').catch((error) => console.log(error.code, error.message))`
    const command = `exec "$0" --import tsx --input-type=module -e "$1" < /tmp`
    const output = execFileSync('sh', ['-c', command, process.execPath, script], { encoding: 'utf8' })
    expect(output).toBe('file_not_readable Standard input is a folder, not a file.\n')
  })

  test('closing does not wait for a pipe that gives nothing', async () => {
    const stdin = new Readable({ read() {} })
    stdin.push(Buffer.alloc(headBytes, 'a,b\n'))
    const source = await openSource('-', { stdin })
    const stream = source.stream()[Symbol.asyncIterator]()
    await stream.next()
    const waiting = stream.next().then(
      () => 'ended',
      () => 'failed',
    )
    await source.close()
    expect(await waiting).toBe('failed')
  })
})

describe('decompress', () => {
  const [first, second] = [gzipSync('hello '), gzipSync('world')]
  const half = first.length

  /** What comes out when the bytes come in two pieces: text, or the code and first word of the error. */
  async function outcome(bytes: Buffer, cut: number): Promise<string> {
    async function* inPieces() {
      if (cut > 0) yield bytes.subarray(0, cut)
      if (cut < bytes.length) yield bytes.subarray(cut)
    }
    try {
      return (await textOf(decompress(inPieces(), 'gzip', 'x.gz'))).toString()
    } catch (error) {
      const { code, message } = error as { code?: string; message: string }
      return `${code} ${message.split(':')[0]}`
    }
  }
  async function outcomes(bytes: Buffer): Promise<string[]> {
    const seen = new Set<string>()
    for (let cut = 1; cut < bytes.length; cut++) seen.add(await outcome(bytes, cut))
    return [...seen]
  }

  test('all members of a file, wherever the pieces are cut', async () => {
    expect(await outcomes(Buffer.concat([first, second]))).toEqual(['hello world'])
  })

  test('zeros behind a member are padding, also before the next one', async () => {
    expect(await outcomes(Buffer.concat([first, Buffer.alloc(9)]))).toEqual(['hello '])
    expect(await outcomes(Buffer.concat([first, Buffer.alloc(9), second]))).toEqual(['hello world'])
  })

  test('anything else behind a member is damage', async () => {
    expect(await outcomes(Buffer.concat([first, Buffer.from('garbage')]))).toEqual(['file_corrupt Damaged'])
    expect(await outcomes(Buffer.concat([first, Buffer.from('\0\0garbage')]))).toEqual(['file_corrupt Damaged'])
  })

  test('a file that is cut off is never taken for the whole', async () => {
    const bytes = Buffer.concat([first, second])
    for (let length = 2; length < bytes.length; length++) {
      expect(await outcome(bytes.subarray(0, length), 1)).toBe(length === half ? 'hello ' : 'file_corrupt Cut off')
    }
  })

  test('a flipped bit is damage', async () => {
    const bytes = Buffer.from(gzipSync(long))
    bytes[bytes.length - 6]! ^= 1
    expect(await outcome(bytes, 100)).toBe('file_corrupt Damaged')
  })

  test('what `gzip -t` finds wrong is an error, and nothing else is', { tags: 'property' }, async () => {
    const member = fc
      .tuple(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 0, max: 9 }))
      .map(([content, level]) => gzipSync(content, { level }))
    const damages: fc.Arbitrary<(whole: Buffer) => Buffer> = fc.oneof(
      fc.constant((whole: Buffer) => whole),
      fc.nat().map((at) => (whole: Buffer) => whole.subarray(0, at % whole.length)),
      // The first two bytes make it a gzip, for `ea`, too.
      fc.tuple(fc.nat(), fc.nat(7)).map(([at, bit]) => (whole: Buffer) => {
        const bytes = Buffer.from(whole)
        bytes[2 + (at % (whole.length - 2))]! ^= 1 << bit
        return bytes
      }),
      // The checksum and the length of the last member.
      fc.nat(63).map((bit) => (whole: Buffer) => {
        const bytes = Buffer.from(whole)
        bytes[whole.length - 8 + (bit >> 3)]! ^= 1 << (bit & 7)
        return bytes
      }),
      fc.uint8Array({ minLength: 1, maxLength: 20 }).map((tail) => (whole: Buffer) => Buffer.concat([whole, tail])),
      fc.integer({ min: 1, max: 2_000 }).map((zeros) => (whole: Buffer) => Buffer.concat([whole, Buffer.alloc(zeros)])),
    )
    const property = fc.asyncProperty(
      fc.array(member, { minLength: 1, maxLength: 3 }),
      damages,
      async (members, damage) => {
        const bytes = damage(Buffer.concat(members))
        const verdict = spawnSync('gzip', ['-t'], { input: bytes }).status
        const seen = await read(bytes, {}, 'x.csv.gz').then(
          () => 'good',
          (error: { code?: string }) => error.code,
        )
        expect(seen).toBe(verdict === 0 ? 'good' : 'file_corrupt')
      },
    )
    await assertProperty(property, 600)
  })

  test('an error of the file below comes through', async () => {
    const fails = new Readable({ read() {} })
    fails.push(first.subarray(0, 12))
    setImmediate(() => fails.destroy(Object.assign(new Error('i/o error, read'), { code: 'EIO' })))
    const error = await errorOf(() => openSource('-', { stdin: fails }))
    expect(error).toMatchObject({ code: 'file_not_readable', details: { errno: 'EIO' } })
  })

  // `zstd` of nothing but two raw frames: written by hand, so that it needs no compressor.
  const frame = (text: string) =>
    Buffer.concat([
      Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, text.length]),
      Buffer.from([(text.length << 3) | 1, 0, 0]),
      Buffer.from(text),
    ])
  const frames = Buffer.concat([frame('hello '), frame('world')])

  test.runIf(canReadZstd)('all frames of a zstd file', async () => {
    for (let cut = 1; cut < frames.length; cut++) {
      const stdin = Readable.from([frames.subarray(0, cut), frames.subarray(cut)])
      await withSource('-', { stdin }, async (source) => {
        expect((await textOf(source.stream())).toString()).toBe('hello world')
      })
    }
  })

  test.runIf(canReadZstd)('a zstd file that is cut off', async () => {
    for (let length = 5; length < frames.length; length++) {
      const run = () =>
        withSource('-', { stdin: Readable.from([frames.subarray(0, length)]) }, (s) => textOf(s.stream()))
      if (length === frame('hello ').length) expect((await run()).toString()).toBe('hello ')
      else expect((await errorOf(run)).message).toMatch(/^Cut off/)
    }
  })

  test.skipIf(canReadZstd)('zstd that this Node cannot read says what to do', async () => {
    const error = await errorOf(() => read(frames, {}, 'my events.csv.zst'))
    expect(error.code).toBe('compression_unsupported')
    expect(error.suggestions.join()).toContain('zstd -dc ')
  })
})

test('memory stays flat: blocks are read as they are used', async () => {
  await withScratchFolder(async (folder) => {
    const path = join(folder, 'big.csv')
    const handle = await open(path, 'w')
    for (let written = 0; written < 40; written++) await handle.write(long)
    await handle.close()
    await withSource(path, {}, async (source) => {
      const stream = source.stream()[Symbol.asyncIterator]()
      await stream.next()
      await stream.next()
      await new Promise((resolve) => setTimeout(resolve, 50))
      expect(source.progress().readBytes).toBeLessThan(2 * 1024 * 1024)
    })
  })
})
