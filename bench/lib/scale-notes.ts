/**
 * What `bench:scale` knows already, kept beside the logs, so that a run that was cut off goes on where it stopped. Figures
 * of another build of `ea`, server or Node are forgotten: they would not be of this run.
 */
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { dataFolder } from './server.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** What was measured of one size; what is missing is still to be done. All times in seconds. */
export interface ScaleNotes {
  /** The build, the server and Node that they are of. */
  readonly of: string
  readonly events: number
  /** How busy the machine was when this size was begun. */
  readonly load: number
  /** One for each round. */
  readonly imports: { readonly seconds: number; readonly refreshSeconds: number; readonly peakMb: number | null }[]
  /** By question, one for each round. */
  readonly questions: Record<string, number[]>
  /** Bytes on disk by what holds them. */
  disk?: { readonly file: number; readonly events: number; readonly key: number; readonly userDays: number }
  /** One for each day; null for one that was imported by a run that was cut off. */
  readonly days: (number | null)[]
}

/** What is known of a size, or an empty page. @param of see `buildId` */
export async function readNotes(events: number, of: string): Promise<ScaleNotes> {
  const known = await readFile(path(events), 'utf8').then(
    (text) => JSON.parse(text) as ScaleNotes,
    () => undefined,
  )
  return known?.of === of ? known : emptyNotes(events, of)
}

/** Nothing measured yet. */
export function emptyNotes(events: number, of: string): ScaleNotes {
  return { of, events, load: loadavg()[0]!, imports: [], questions: {}, days: [] }
}

/** Keeps them, whole or not at all. */
export async function keepNotes(notes: ScaleNotes): Promise<void> {
  await mkdir(dataFolder, { recursive: true })
  await writeFile(`${path(notes.events)}.part`, JSON.stringify(notes))
  await rename(`${path(notes.events)}.part`, path(notes.events))
}

/** Names the build of `ea` by its bytes. */
export async function buildId(): Promise<string> {
  const hash = createHash('sha256')
  for (const folder of ['dist', 'migrations']) {
    const names = await readdir(`${root}${folder}`, { recursive: true, withFileTypes: true })
    const files = names.filter((one) => one.isFile() && /\.(js|sql)$/.test(one.name))
    for (const file of files.map((one) => `${one.parentPath}/${one.name}`).sort()) hash.update(await readFile(file))
  }
  return hash.digest('hex').slice(0, 12)
}

function path(events: number): string {
  return `${dataFolder}scale-${events}.json`
}
