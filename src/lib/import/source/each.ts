/**
 * `--each`: events in arrays inside of documents become lines of their own, with the fields of the documents around
 * them in front. Bytes are cut and joined, never parsed into values, so every digit stays. What is not a document of JSON comes
 * out as it is and is rejected like any other line.
 */
import { EaError } from '../../core/errors.js'
import { atOnce } from '../../core/in-turns.js'
import { keyText, skipSpace, Walk } from '../../load/json-walk.js'
import type { SourceName } from '../../load/mapping/expression.js'
import { formatSource } from '../../load/mapping/map-parser.js'
import type { PlaceOf } from '../../load/split/chunk.js'
import { JsonSkipper } from '../../load/split/scanners/json-skipper.js'
import { split } from '../../load/split/split.js'
import { nameForPeople } from './paths.js'
import { peek } from './peek.js'

/** Cut off from documents at a time. */
const chunkBytes = 1024 * 1024

/** Lines of events, and which documents they come from. */
export interface Exploded {
  readonly blocks: AsyncIterable<Buffer>
  readonly places: (fromLine: number, toLine: number) => PlaceOf
}

/**
 * @param path where the events lie; an array on the way means each of its elements
 * @param maxRecordBytes the longest document
 * @param file for errors
 * @throws EaError `usage` for what is not JSON; `missing_column` when no document has anything there; also while reading
 */
export async function explode(
  source: AsyncIterable<Buffer>,
  path: SourceName,
  maxRecordBytes: number,
  file: string,
): Promise<Exploded> {
  const { head, blocks } = await peek(source, 4096)
  const first = head[skipSpace(head, 0)]
  if (first !== undefined && first !== openBrace && first !== openBracket) {
    throw new EaError('usage', `--each takes documents of JSON, and ${nameForPeople(file)} does not look like JSON.`, {
      suggestions: ['Leave --each away: a record of a CSV is one event.'],
    })
  }
  const documents = new Documents()
  return {
    blocks: eventLines(blocks, { path, maxRecordBytes, file, isLoose: first !== openBracket }, documents),
    places: (from, to) => documents.places(from, to),
  }
}

interface How {
  readonly path: SourceName
  readonly maxRecordBytes: number
  readonly file: string
  readonly isLoose: boolean
}

async function* eventLines(blocks: AsyncIterable<Buffer>, how: How, documents: Documents): AsyncGenerator<Buffer> {
  const { maxRecordBytes, isLoose } = how
  const shape = { kind: 'array', isLoose } as const
  const keys = new Set<string>()
  for await (const chunk of split(blocks, { chunkBytes, maxRecordBytes, shape, headerBytes: 0, headerLines: 0 })) {
    const lines: Buffer[] = []
    let rejected = 0
    for (let n = 1; n <= chunk.good + 1; n++) {
      const document = n > chunk.good ? undefined : chunk.goodRecord(n)
      for (; rejected < chunk.rejectCount; rejected++) {
        const reject = chunk.reject(rejected)
        if (document && reject.record > document.record) break
        if (reject.code === 'record_too_long') throw tooLong(how)
        lines.push(oneLine(reject.raw), lineEnd)
        documents.add(reject, 1)
      }
      if (!document) break
      const bytes = Buffer.concat([document.raw, lineEnd])
      const events = [...eventsIn(bytes, 0, bytes.length - 1, how.path.path, [], keys)]
      for (const event of events) lines.push(event, lineEnd)
      documents.add(document, events.length)
    }
    chunk.release()
    if (lines.length > 0) yield Buffer.concat(lines)
  }
  if (documents.read > 0 && documents.events === 0) throw nothingThere(how, keys)
}

const openBrace = 0x7b
const openBracket = 0x5b
const lineEnd = Buffer.from('\n')
const comma = Buffer.from(',')

/** The events of a document as lines without their ends. */
function* eventsIn(
  bytes: Buffer,
  from: number,
  end: number,
  [key, ...inner]: readonly string[],
  around: readonly Buffer[],
  keys?: Set<string>,
): Generator<Buffer> {
  const members = membersOf(bytes, from, end)
  if (members === undefined) {
    yield oneLine(bytes.subarray(from, end))
    return
  }
  if (keys && keys.size < 100) for (const member of members) keys.add(member.key)
  const there = members.findLast((member) => member.key === key)
  if (!there) return
  const beside = members.filter((member) => member.key !== key)
  const outer = [...around, ...beside.map((member) => bytes.subarray(member.keyFrom, member.to))]
  for (const [at, to] of bytes[there.from] === openBracket
    ? elementsOf(bytes, there.from)
    : ([[there.from, there.to]] as const)) {
    const text = bytes.subarray(at, to)
    if (text[0] !== openBrace) {
      if (text.toString('latin1') !== 'null') yield oneLine(text)
    } else if (inner.length > 0) yield* eventsIn(bytes, at, to, inner, outer)
    else yield withFields(outer, text)
  }
}

/** An object with the members around it in front: of equal keys the last one wins. */
function withFields(outer: readonly Buffer[], object: Buffer): Buffer {
  const isEmpty = /^\{\s*\}$/.test(object.subarray(0, 64).toString('latin1')) && object.length <= 64
  const inner = object.subarray(1, -1)
  const parts = [...outer, ...(isEmpty ? [] : [inner])].flatMap((part, index) => (index === 0 ? [part] : [comma, part]))
  return oneLine(Buffer.concat([Buffer.from('{'), ...parts, Buffer.from('}')]))
}

interface Member {
  readonly key: string
  readonly keyFrom: number
  /** Of its value. */
  readonly from: number
  readonly to: number
}

const walk = new Walk()

/** The members of the object at `from`; undefined when there is none. */
function membersOf(bytes: Buffer, from: number, end: number): Member[] | undefined {
  if (bytes[from] !== openBrace) return undefined
  const members: Member[] = []
  const after = atOnce(
    walk.object(bytes, from, end, (keyFrom, keyTo, valueFrom, to) => {
      members.push({ key: keyText(bytes, keyFrom, keyTo), keyFrom, from: valueFrom, to })
    }),
  )
  return after === -1 ? undefined : members
}

/** Where the elements of the array at `from` lie. */
function* elementsOf(bytes: Buffer, from: number): Generator<readonly [from: number, to: number]> {
  let i = skipSpace(bytes, from + 1)
  while (bytes[i] !== 0x5d) {
    const to = valueEnd(bytes, i)
    if (to < 0) return
    yield [i, to]
    i = skipSpace(bytes, to)
    if (bytes[i] === 0x2c) i = skipSpace(bytes, i + 1)
  }
}

const reader = new JsonSkipper()
const valueEnd = (bytes: Buffer, from: number) => reader.read(bytes, from, bytes.length - 1, true)

/** A text without line breaks: JSON has none inside of a string, and elsewhere a space is as good. */
function oneLine(text: Buffer): Buffer {
  const out = Buffer.from(text)
  for (let i = 0; i < out.length; i++) if (out[i] === 0x0a || out[i] === 0x0d) out[i] = 0x20
  return out
}

/** Where the documents of events are, for as long as they can be asked for. */
class Documents {
  read = 0
  events = 0
  #places: { readonly line: number; readonly document: number; readonly at: Address }[] = []

  add({ line, byteOffset }: Address, events: number): void {
    this.read++
    if (events > 0) this.#places.push({ line: this.events + 1, document: this.read, at: { line, byteOffset } })
    this.events += events
  }

  /** The documents of some lines. What lies before them is forgotten. */
  places(fromLine: number, toLine: number): PlaceOf {
    const after = this.#places.findIndex(({ line }) => line > fromLine)
    if (after > 1) this.#places = this.#places.slice(after - 1)
    const end = this.#places.findIndex(({ line }) => line >= toLine)
    const own = end < 0 ? this.#places.slice() : this.#places.slice(0, end)
    return (line) => {
      const found = own.findLast((place) => place.line <= line) ?? own[0]
      return found && { ...found.at, detail: `document ${found.document}` }
    }
  }
}

interface Address {
  readonly line: number
  readonly byteOffset: number
}

function tooLong({ file, maxRecordBytes }: How): EaError {
  return new EaError(
    'file_not_readable',
    `A document of ${nameForPeople(file)} is longer than ${maxRecordBytes} bytes.`,
    {
      suggestions: ['Allow longer documents: --max-record-bytes 256MB.'],
      details: { path: file },
    },
  )
}

function nothingThere({ path, file }: How, keys: ReadonlySet<string>): EaError {
  return new EaError(
    'missing_column',
    `--each ${formatSource(path)}: no document of ${nameForPeople(file)} has events there. Their keys: ${[...keys].join(', ')}.`,
    { details: { missing: [path.name], keys: [...keys] } },
  )
}
