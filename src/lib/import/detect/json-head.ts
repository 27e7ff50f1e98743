/** The first records of a JSON source, parsed: for what is said to people about their keys, never for what is stored. */

/**
 * The first objects that can be read; what cannot be read, or is cut off, is passed over.
 *
 * @param head the first decoded bytes of the source
 */
export function headRecords(
  head: Buffer,
  format: 'ndjson' | 'json-array',
  maxRecords: number,
): Record<string, unknown>[] {
  const text = head.toString('utf8')
  const texts = format === 'ndjson' ? text.split(/[\r\n]+/) : arrayElements(text, maxRecords)
  const records: Record<string, unknown>[] = []
  for (const one of texts) {
    const record = parseObject(one)
    if (record && records.push(record) === maxRecords) break
  }
  return records
}

/** The object that a text holds; undefined when it is not one. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  if (text.trimStart()[0] !== '{') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The texts of the objects of an array, as far as they are complete. */
function arrayElements(text: string, most: number): string[] {
  const elements: string[] = []
  let depth = 0
  let from = -1
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    if (token === '{' || token === '[') {
      if (++depth === 2) from = index
    } else if ((token === '}' || token === ']') && --depth === 1) elements.push(text.slice(from, index + 1))
    if (elements.length >= most) break
  }
  return elements
}
