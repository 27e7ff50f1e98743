/**
 * JSON records go through COPY as one unquoted field, with control characters for delimiter and quote. No valid JSON
 * holds them raw, so a record that does is rejected here, and COPY never sees one.
 */
import type { Fault } from '../chunk.js'
import { isCleanText } from '../content.js'
import { jsonDelimiter, jsonQuote } from '../copy.js'

/** Whether `[from, to)` is valid UTF-8 with neither NUL nor one of COPY's control characters. */
export function isCleanJson(bytes: Buffer, from: number, to: number): boolean {
  return isCleanText(bytes, from, to) && controlFault(bytes, from, to) === undefined
}

/** The fault of a record that holds one of COPY's control characters. */
export function controlFault(bytes: Buffer, from: number, to: number): Fault | undefined {
  const text = bytes.subarray(from, to)
  if (!text.includes(jsonQuote) && !text.includes(jsonDelimiter)) return undefined
  return { code: 'invalid_json', detail: 'a raw control character' }
}
