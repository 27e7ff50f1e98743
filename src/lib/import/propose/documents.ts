/** JSON at the start of a source, however it is laid out: its first documents, and where events may lie inside of them. */
import type { SourceName } from '../../load/mapping/expression.js'
import type { HeadRecord } from '../detect/head.js'

const documentsMax = 100

/** The first documents of a text: lines, an array, or objects one after the other. One that is cut off is closed where it ends. */
export function headDocuments(text: string): HeadRecord[] {
  const documents: HeadRecord[] = []
  const start = text.search(/\S/)
  if (start < 0 || !'{['.includes(text[start]!)) return []
  let at = text[start] === '[' ? start + 1 : start
  while (documents.length < documentsMax) {
    const from = text.slice(at).search(/[^\s,]/)
    if (from < 0 || text[at + from] !== '{') break
    const { end, closers } = endOfObject(text, at + from)
    const one = parsed(closers === '' ? text.slice(at + from, end) : closed(text.slice(at + from, end), closers))
    if (one === undefined) break
    documents.push(one)
    if (closers !== '') break
    at = end
  }
  return documents
}

/** Where an object ends, and which brackets are open at the end of the text. */
function endOfObject(text: string, from: number): { readonly end: number; readonly closers: string } {
  const open: string[] = []
  // Where the last value that is whole has ended, and what was open there.
  let whole = { end: from + 1, closers: '}' }
  const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],]/g
  tokens.lastIndex = from
  for (let found = tokens.exec(text); found; found = tokens.exec(text)) {
    const [token] = found
    if (token === '{' || token === '[') open.push(token === '{' ? '}' : ']')
    else if (token === '}' || token === ']') {
      open.pop()
      if (open.length === 0) return { end: tokens.lastIndex, closers: '' }
      whole = { end: tokens.lastIndex, closers: open.toReversed().join('') }
    } else if (token === ',') whole = { end: found.index, closers: open.toReversed().join('') }
  }
  return whole
}

const closed = (text: string, closers: string) => text + closers

function parsed(text: string): HeadRecord | undefined {
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as HeadRecord) : undefined
  } catch {
    return undefined
  }
}

const isObject = (value: unknown): value is HeadRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isList = (value: unknown): value is readonly HeadRecord[] =>
  Array.isArray(value) && value.length > 0 && value.every(isObject)

/** Paths of arrays of objects in documents, an array inside of an array after the outer one. At most three arrays deep. */
export function arrayPaths(documents: readonly HeadRecord[]): SourceName[] {
  const paths = new Map<string, readonly string[]>()
  const visit = (value: HeadRecord, path: readonly string[], depth: number) => {
    for (const [key, inner] of Object.entries(value)) {
      const here = [...path, key]
      if (isList(inner)) {
        if (!isPairs(inner)) paths.set(here.join('\0'), here)
        if (depth < 3) for (const element of inner.slice(0, 3)) visit(element, here, depth + 1)
      } else if (isObject(inner) && path.length < 3) visit(inner, here, depth)
    }
  }
  for (const document of documents.slice(0, 10)) visit(document, [], 0)
  return [...paths.values()].map((path) => ({ name: path.join('.'), path }))
}

/** Lists of keys and values hold properties, not events. */
const isPairs = (list: readonly HeadRecord[]) =>
  list.every((pair) => ('key' in pair || 'k' in pair || 'name' in pair) && ('value' in pair || 'v' in pair))
