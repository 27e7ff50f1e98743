/** Many files of one command, beside the same files imported one at a time: what it saves to commit small files in groups. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { parseConfig, withDatabase as withEaDatabase } from '../../src/index.js'
import { importFiles } from '../../src/lib/import/import.js'
import { logFile } from './log-file.js'
import { ea } from './program.js'
import { type Line, line, median, seconds, type Target } from './report.js'
import { dataFolder, type Server, withDatabase } from './server.js'

interface Case {
  readonly files: number
  readonly records: number
  readonly target: Target
}

const cases: readonly Case[] = [
  { files: 1_000, records: 1, target: { kind: 'at most', gate: 20, aim: 10, unit: ' s' } },
  { files: 100, records: 10_000, target: { kind: 'at most', unit: ' s' } },
]

/** So many of the files are imported one at a time; the time of all is reckoned from theirs. */
const oneAtATime = 100

/** The lines of two cases: seconds of the whole command, and how many times as long the files take one at a time. */
export async function importManyFiles(server: Server, rounds: number): Promise<Line[]> {
  const lines: Line[] = []
  for (const { files, records, target } of cases) {
    const folder = await splitLog(files, records)
    const together: number[] = []
    const apart: number[] = []
    for (let round = 0; round < rounds; round++) {
      await withDatabase(server, async (url) => {
        await ea(['db', 'migrate'], { DATABASE_URL: url })
        together.push((await ea(['import', folder, '--quiet'], { DATABASE_URL: url })).seconds)
      })
      await withDatabase(server, async (url) => {
        await ea(['db', 'migrate'], { DATABASE_URL: url })
        apart.push(((await importApart(url, folder)) * files) / oneAtATime)
      })
    }
    const what = `${files} files of ${records}`
    lines.push(line(what, seconds(together), '', median(together), target))
    lines.push(line(what, seconds(together), `one at a time ${seconds(apart)}`, median(apart) / median(together)))
  }
  return lines
}

/** Seconds for the first files of a folder, each by itself, on connections that stay open. */
async function importApart(url: string, folder: string): Promise<number> {
  return withEaDatabase(parseConfig({ databaseUrl: url }), async (db) => {
    const began = performance.now()
    for (let index = 0; index < oneAtATime; index++) await importFiles(db, [pathOf(folder, index)])
    return (performance.now() - began) / 1000
  })
}

const pathOf = (folder: string, index: number) => `${folder}/part-${String(index).padStart(5, '0')}.csv`

/** A log, cut into files of so many records each. */
async function splitLog(files: number, records: number): Promise<string> {
  const { path } = await logFile({ events: files * records })
  const folder = `${dataFolder}files-${files}x${records}`
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const [header, ...rest] = (await readFile(path, 'utf8')).trimEnd().split('\n')
  for (let index = 0; index < files; index++) {
    const part = rest.slice(index * records, (index + 1) * records)
    await writeFile(pathOf(folder, index), `${[header, ...part].join('\n')}\n`)
  }
  return folder
}
