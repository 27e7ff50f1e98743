/** The first records of a JSON source, parsed: for what is said to people about their keys, never for what is stored. */

const headRecordsMax = 100

/**
 * The first objects that can be read, at most 100; what cannot be read, or is cut off, is passed over.
 *
 * @param head the first decoded bytes of the source
 */
export function headRecords(head: Buffer, format: 'ndjson' | 'json-array'): Record<string, unknown>[] {
  const text = head.toString('utf8')
  const texts = format === 'ndjson' ? text.split(/[\r\n]+/) : arrayElements(text)
  const records: Record<string, unknown>[] = []
  for (const one of texts) {
    const record = parseObject(one)
    if (record && records.push(record) === headRecordsMax) break
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
function arrayElements(text: string): string[] {
  const elements: string[] = []
  let depth = 0
  let from = -1
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    if (token === '{' || token === '[') {
      if (++depth === 2) from = index
    } else if ((token === '}' || token === ']') && --depth === 1) elements.push(text.slice(from, index + 1))
    if (elements.length >= headRecordsMax) break
  }
  return elements
}
