/** For the tests of the splitter: a content that is in memory, cut into buffers of any size, split to the end. */

import type { Reject } from '../../../src/lib/core/event.js'
import type { Chunk, DelimitedShape, GoodRecord, SplitOptions } from '../../../src/lib/load/split/chunk.js'
import { split } from '../../../src/lib/load/split/split.js'

export const csv = (fields: number, more: Partial<DelimitedShape> = {}): DelimitedShape => ({
  kind: 'delimited',
  delimiter: 0x2c,
  quote: 0x22,
  fields,
  jsonField: null,
  ...more,
})

/** Bytes, one per character: `latin1('\xff')` is one byte. */
export const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

/** A source that hands out `bufferBytes` bytes at a time and overwrites each buffer once the next is asked for. */
export async function* buffersOf(content: Buffer, bufferBytes: number): AsyncGenerator<Buffer> {
  const shared = Buffer.alloc(bufferBytes)
  for (let at = 0; at < content.length; at += bufferBytes) {
    const bytes = content.copy(shared, 0, at, at + bufferBytes)
    yield shared.subarray(0, bytes)
    shared.fill(0x22)
  }
}

/** A chunk as plain values, so that two splits can be compared. */
export interface PlainChunk {
  byteFrom: number
  byteTo: number
  records: number
  good: number
  blankLines: number
  firstRecord: number
  goodBefore: number
  rejects: readonly Reject[]
  copyData: Buffer
  goodRecords: GoodRecord[]
}

export type SplitSettings = Partial<SplitOptions> & Pick<SplitOptions, 'shape'> & { bufferBytes?: number }

/** All chunks of a content; releases each, so that rooms are used again. */
export async function splitContent(content: Buffer | string, settings: SplitSettings): Promise<PlainChunk[]> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  const { bufferBytes = 64 * 1024, ...options } = settings
  const chunks: PlainChunk[] = []
  const source = buffersOf(bytes, bufferBytes)
  for await (const chunk of split(source, {
    chunkBytes: 1024 * 1024,
    maxRecordBytes: 16 * 1024 * 1024,
    headerBytes: 0,
    headerLines: 0,
    ...options,
  })) {
    chunks.push(plain(chunk))
    chunk.release()
  }
  return chunks
}

function plain(chunk: Chunk): PlainChunk {
  const { byteFrom, byteTo, records, good, blankLines, firstRecord, goodBefore, rejects } = chunk
  const goodRecords = Array.from({ length: good }, (_, n) => chunk.goodRecord(n + 1))
  const copyData = Buffer.concat([...chunk.copyData])
  return { byteFrom, byteTo, records, good, blankLines, firstRecord, goodBefore, rejects, copyData, goodRecords }
}

/** Everything with an address, in the order of the source: `record@line/offset code? raw`. */
export function recordsOf(
  chunks: readonly PlainChunk[],
): { record: number; line: number; byteOffset: number; code?: string; raw: string }[] {
  return chunks
    .flatMap((chunk) => [
      ...chunk.goodRecords.map((good) => ({ ...address(good), raw: good.raw.toString('latin1') })),
      ...chunk.rejects.map((reject) => ({ ...address(reject), code: reject.code, raw: reject.raw.toString('latin1') })),
    ])
    .sort((a, b) => a.record - b.record)
}

const address = ({ record, line, byteOffset }: GoodRecord | Reject) => ({ record, line, byteOffset })

/** `code raw` of each reject. */
export const rejectsOf = (chunks: readonly PlainChunk[]): string[] =>
  chunks.flatMap((chunk) => chunk.rejects.map((reject) => `${reject.code} ${reject.raw.toString('latin1')}`))

/** The untouched bytes of each good record. */
export const goodOf = (chunks: readonly PlainChunk[]): string[] =>
  chunks.flatMap((chunk) => chunk.goodRecords.map((good) => good.raw.toString('latin1')))
