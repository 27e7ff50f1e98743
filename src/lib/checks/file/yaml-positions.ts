/**
 * YAML as plain values, and where each of them stands in its text.
 *
 * All scalars are texts: whether `007` is a number is for the parameter to say, not for YAML.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Pair, parseDocument, visit } from 'yaml'

/** Both count from 1. */
interface LineColumn {
  readonly line: number
  readonly column: number
}

export interface PositionedYaml {
  /** Maps, lists and texts. */
  readonly value: unknown
  /**
   * Where something stands; where there is nothing at the path, the nearest thing around it.
   *
   * @param options.isKey the key at the end of the path, and not its value
   * @param options.position of a character in the text at the path, from 0
   */
  placeOf(path: readonly PropertyKey[], options?: { isKey?: boolean; position?: number }): LineColumn
}

export interface YamlFault extends LineColumn {
  readonly message: string
}

/** Reads one document of YAML. */
export function readYaml(text: string): PositionedYaml | { readonly faults: readonly YamlFault[] } {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    schema: 'failsafe',
    logLevel: 'error',
  })
  const lineColumn = (offset: number): LineColumn => {
    // An empty text has no lines yet.
    const { line, col } = text === '' ? { line: 1, col: 1 } : lines.linePos(offset)
    return { line, column: col }
  }
  const faults = [...document.errors, ...document.warnings]
  if (faults.length > 0) {
    return {
      faults: faults.map(({ code, message, pos }) => ({ ...lineColumn(pos[0]), message: plainFault(code, message) })),
    }
  }
  const aliasFaults: YamlFault[] = []
  visit(document, {
    Alias(_, node, parents) {
      const named = node.resolve(document)
      if (named !== undefined && !parents.includes(named)) return
      const fault = named === undefined ? `no anchor &${node.source} comes before it` : 'it contains itself'
      aliasFaults.push({ ...lineColumn(node.range?.[0] ?? 0), message: `*${node.source} means nothing here: ${fault}` })
    },
  })
  if (aliasFaults.length > 0) return { faults: aliasFaults }
  try {
    return {
      value: document.toJS({ maxAliasCount: 100 }),
      placeOf: (path, options = {}) => lineColumn(offsetOf(document, text, path, options)),
    }
  } catch (error) {
    return { faults: [{ line: 1, column: 1, message: `not readable as YAML: ${(error as Error).message}` }] }
  }
}

/** The library speaks to those who call it. */
function plainFault(code: string, message: string): string {
  if (code === 'MULTIPLE_DOCS') return 'a second document begins here (---), and a file has one'
  if (code === 'DUPLICATE_KEY') return 'this key is repeated'
  return `not readable as YAML: ${message}`
}

function offsetOf(
  document: Document.Parsed,
  text: string,
  path: readonly PropertyKey[],
  { isKey = false, position }: { isKey?: boolean; position?: number },
): number {
  let node: unknown = document.contents
  let offset = startOf(node) ?? 0
  for (const [depth, step] of path.entries()) {
    const inside = isAlias(node) ? node.resolve(document) : node
    if (isMap(inside)) {
      const pair = inside.items.find(({ key }) => String(key) === String(step)) as Pair | undefined
      if (pair === undefined) return offset
      if (isKey && depth === path.length - 1) return startOf(pair.key) ?? offset
      node = pair.value
      // Nothing comes after the colon: the key is what can be pointed at.
      offset = (isEmptyScalar(node) ? startOf(pair.key) : startOf(node)) ?? offset
    } else if (isSeq(inside)) {
      node = inside.items[Number(step)]
      offset = startOf(node) ?? offset
    }
    // A single value where a list is expected is the first of that list.
  }
  return offset + (position === undefined ? 0 : shiftOf(node, text, position))
}

function startOf(node: unknown): number | undefined {
  return (node as { range?: [number, number, number] } | null | undefined)?.range?.[0]
}

function isEmptyScalar(node: unknown): boolean {
  return node == null || (isScalar(node) && node.source === '' && node.type === 'PLAIN')
}

/** How far behind its start a character of a scalar stands; 0 where that cannot be said: a folded text, an escape. */
function shiftOf(node: unknown, text: string, position: number): number {
  if (!isScalar(node) || node.range == null) return 0
  const [start, end] = node.range
  const isQuoted = node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE'
  const written = isQuoted ? text.slice(start + 1, end - 1) : text.slice(start, end)
  return written === node.value ? position + (isQuoted ? 1 : 0) : 0
}
