/** Rules on the content of a record whatever its shape: valid UTF-8, no NUL. */
import { isUtf8 } from 'node:buffer'
import type { Fault } from './chunk.js'

/** Whether `[from, to)` is valid UTF-8 without NUL. As line ends are ASCII, each record in it is, too. */
export function isCleanText(bytes: Buffer, from: number, to: number): boolean {
  const text = bytes.subarray(from, to)
  return isUtf8(text) && !text.includes(0)
}

/** What is wrong with a record that is not clean text. */
export function contentFault(bytes: Buffer, from: number, to: number): Fault | undefined {
  const text = bytes.subarray(from, to)
  if (!isUtf8(text)) return { code: 'invalid_utf8' }
  if (text.includes(0)) return { code: 'nul_byte' }
  return undefined
}
