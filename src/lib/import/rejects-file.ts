/**
 * `--rejects-file`: the header and the untouched records that were rejected, in a form that can be mended and imported
 * as it is. It appears whole or not at all.
 */
import { open, rename, rm } from 'node:fs/promises'
import { eachReject } from '../batches/rejects.js'
import type { Session } from '../db/connect.js'
import { asFileError } from './paths.js'
import type { Dialect } from './sniff.js'

/** How the file frames its records. */
export interface RejectsFrame {
  /** What the source was decoded from: the file is UTF-8 in any case. */
  readonly encoding: string
  readonly dialect: Pick<Dialect, 'format' | 'lineEnd'>
  /** The header as it stands in the source, with its line end. */
  readonly header: Buffer
}

/** Writes the kept rejects of a batch to `path`; replaces what was there. Returns how many records it holds. */
export async function writeRejectsFile(
  db: Session,
  batchId: number,
  frame: RejectsFrame,
  path: string,
): Promise<number> {
  const lineEnd = Buffer.from(frame.dialect.lineEnd === 'crlf' ? '\r\n' : '\n')
  const isArray = frame.dialect.format === 'json-array'
  const temporary = `${path}.${process.pid}.tmp`
  const file = await open(temporary, 'w').catch(asFileError(path))
  let written = 0
  try {
    // Whoever imports the mended file with the --encoding of its source is told that it is UTF-8 now.
    if (frame.encoding !== 'utf-8') await file.write('\ufeff')
    await file.write(isArray ? Buffer.from('[\n') : frame.header)
    if (
      frame.header.length > 0 &&
      !frame.header.subarray(-lineEnd.length).equals(lineEnd) &&
      !/[\r\n]$/.test(frame.header.toString('latin1'))
    ) {
      await file.write(lineEnd)
    }
    for await (const reject of eachReject(db, batchId)) {
      // That the end of an array is missing is a reject without bytes, and an element without bytes is no JSON.
      if (reject.raw.length === 0) continue
      if (isArray && written > 0) await file.write(',\n')
      await file.write(reject.raw)
      if (!isArray) await file.write(lineEnd)
      written += 1
    }
    if (isArray) await file.write('\n]\n')
    await file.sync()
  } catch (error) {
    await file.close()
    await rm(temporary, { force: true })
    throw error
  }
  await file.close()
  await rename(temporary, path)
  return written
}
