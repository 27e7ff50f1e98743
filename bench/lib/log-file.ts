/**
 * Logs made by `ea generate`, kept in the folder of the benchmarks and made once; also in other forms: as lines of JSON,
 * compressed, and with some records twice.
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rename, stat, statfs } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { Readable, type Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { ea } from './program.js'
import { dataFolder } from './server.js'

/** Bytes of disk that an event needs here: in the file, and about three times that in the database with its WAL. */
const fileBytesPerEvent = 185
const databaseBytesPerEvent = 700
/** How many records later a repeated one comes again: in another chunk of every contender. */
const repeatedAfterRecords = 100_000

export interface LogFile {
  readonly path: string
  readonly bytes: number
  /** Different events. */
  readonly events: number
  /** Lines without the header: more than the events when some come twice. */
  readonly records: number
  readonly format: 'csv' | 'ndjson'
  readonly isCompressed: boolean
}

/**
 * The log that these flags describe.
 *
 * @param flags of `ea generate`, without `output`; `format: 'ndjson'` for lines of JSON
 * @throws Error when the disk is too small for it and for the database that will hold it
 */
export async function logFile(flags: { events: number } & Record<string, string | number>): Promise<LogFile> {
  await mkdir(dataFolder, { recursive: true })
  const format = flags.format === 'ndjson' ? 'ndjson' : 'csv'
  const given = Object.entries(flags)
  const named = given.filter(([name]) => name !== 'format').map(([name, value]) => `${name}-${value}`)
  const path = `${dataFolder}${named.join('_')}.${format}`
  const exists = await stat(path).catch(() => undefined)
  const { bavail, bsize } = await statfs(dataFolder)
  const neededBytes = flags.events * (databaseBytesPerEvent + (exists ? 0 : fileBytesPerEvent))
  if (bavail * bsize < neededBytes) {
    throw new Error(`${flags.events} events need about ${gb(neededBytes)} free, there are ${gb(bavail * bsize)}`)
  }
  if (!exists) await ea(['generate', '--output', path, ...given.map(([name, value]) => `--${name}=${value}`)])
  const { size: bytes } = await stat(path)
  return { path, bytes, events: flags.events, records: flags.events, format, isCompressed: false }
}

/** The same log, compressed by gzip at its usual level. */
export function gzipped(log: LogFile): Promise<LogFile> {
  return derived({ ...log, path: `${log.path}.gz`, isCompressed: true }, (path) =>
    writeWhole(path, createReadStream(log.path), createGzip()),
  )
}

/**
 * The same log, in which every hundredth record comes twice, word for word, the second time 100,000 records later (or at
 * the end): what a sender leaves that tried again.
 */
export function withRepeats(log: LogFile): Promise<LogFile> {
  const path = log.path.replace(/(?=\.[a-z]+$)/, '_repeats-1')
  return derived({ ...log, path, records: log.records + Math.floor(log.records / 100) }, (unfinished) =>
    writeWhole(unfinished, Readable.from(repeating(log.path))),
  )
}

async function* repeating(path: string): AsyncGenerator<string> {
  const waiting: { line: string; due: number }[] = []
  let record = 0
  // The records of a generated log have no line breaks inside.
  for await (const line of createInterface({ input: createReadStream(path) })) {
    yield `${line}\n`
    if (record > 0 && record % 100 === 0) waiting.push({ line, due: record + repeatedAfterRecords })
    while (waiting[0] !== undefined && waiting[0].due <= record) yield `${waiting.shift()!.line}\n`
    record++
  }
  for (const { line } of waiting) yield `${line}\n`
}

async function derived(file: LogFile, write: (unfinished: string) => Promise<void>): Promise<LogFile> {
  const exists = await stat(file.path).catch(() => undefined)
  if (!exists) {
    await write(`${file.path}.part`)
    await rename(`${file.path}.part`, file.path)
  }
  return { ...file, bytes: (await stat(file.path)).size }
}

function writeWhole(path: string, source: Readable, through?: Transform): Promise<void> {
  const target = createWriteStream(path)
  return through === undefined ? pipeline(source, target) : pipeline(source, through, target)
}

function gb(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`
}
