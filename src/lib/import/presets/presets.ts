/**
 * Presets: how the exports of well-known tools are read, one YAML file for each in `presets/` of the package, and those that
 * people write themselves. A preset is flags with names; nothing of it is known to the rest of an import.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { EaError } from '../../core/errors.js'
import { eventFields } from '../../core/event.js'
import { packageFolder } from '../../core/package.js'
import { isTimeZone } from '../../core/time.js'
import { nearest } from '../../load/mapping/column-guess.js'
import type { SourceName } from '../../load/mapping/expression.js'
import { type FieldMap, parseExpression, parseIdFrom, parseNames } from '../../load/mapping/map-parser.js'
import { parseTimeFormat } from '../../load/mapping/time-format.js'
import { parseTypes } from '../../load/mapping/value-types.js'
import { asFileError } from '../../os/file-error.js'
import { fileFormats } from '../detect/sniff.js'
import type { ReadingOptions } from '../reading/parse-options.js'

/** What tells that a file is the export of a tool. */
type Recognise =
  /** Names that are all there, of alternatives one. */
  { readonly paths: readonly (readonly SourceName[])[] } | { readonly columns: number } | { readonly line: RegExp }

export interface Preset {
  readonly name: string
  readonly about: string
  readonly recognise: Recognise | null
  readonly options: Partial<ReadingOptions>
}

const texts = z.union([z.string(), z.array(z.string())]).transform((one) => (typeof one === 'string' ? [one] : one))

const pairsOf = (one: Record<string, string>) => Object.entries(one).map((pair) => pair.join('='))

/** The file: every key but the first two is a flag. */
const schema = z.strictObject({
  about: z.string().default(''),
  recognise: z
    .union([
      z.array(z.string()),
      z.strictObject({ columns: z.string().regex(/^\d+$/) }),
      z.strictObject({ line: z.string() }),
    ])
    .optional(),
  format: z.enum([...fileFormats, 'json']).optional(),
  delimiter: z.string().optional(),
  quote: z.string().optional(),
  escape: z.string().optional(),
  encoding: z.string().optional(),
  columns: texts.optional(),
  'skip-lines': z.string().regex(/^\d+$/).optional(),
  comment: z.string().optional(),
  null: texts.optional(),
  drop: texts.optional(),
  types: z.union([texts, z.record(z.string(), z.string()).transform(pairsOf)]).optional(),
  each: z.string().optional(),
  time: z.string().optional(),
  timezone: z.string().optional(),
  map: z.strictObject(Object.fromEntries(eventFields.map((field) => [field, texts.optional()]))).optional(),
  id: texts.optional(),
})
type File = z.infer<typeof schema>

const folder = () => join(packageFolder(), 'presets')

/** All that come with `ea`, by their names. */
export async function listPresets(): Promise<Preset[]> {
  const files = (await readdir(folder())).filter((file) => file.endsWith('.yaml')).sort()
  return Promise.all(files.map((file) => readPreset(file.slice(0, -'.yaml'.length))))
}

/**
 * The text of a preset, to be copied and changed.
 *
 * @param name one that comes with `ea`, or the path of a file
 * @throws EaError `usage` for a name that is none; `file_not_found`
 */
export async function presetText(name: string): Promise<string> {
  if (isPath(name)) return readFile(name, 'utf8').catch(asFileError(name))
  const names = (await readdir(folder())).map((file) => file.replace(/\.yaml$/, ''))
  if (names.includes(name)) return readFile(join(folder(), `${name}.yaml`), 'utf8')
  const near = nearest(name, names)
  throw new EaError('usage', `No preset is called ${JSON.stringify(name)}; there are ${names.sort().join(', ')}.`, {
    suggestions: [near ? `Perhaps: --preset ${near}` : 'A preset of your own is a file: --preset ./mine.yaml'],
  })
}

const isPath = (name: string) => /[/\\]|\.ya?ml$/i.test(name)

/**
 * Reads a preset.
 *
 * @throws EaError `usage` with every mistake in it; `file_not_found`
 * @example
 * const { options } = await readPreset('ga4')
 * await importFiles(db, ['events.ndjson'], options)
 */
export async function readPreset(name: string): Promise<Preset> {
  const text = await presetText(name)
  const file = parseFile(name, text)
  try {
    return { name, about: file.about.trim(), recognise: recogniseOf(file), options: optionsOf(name, file) }
  } catch (error) {
    if (!(error instanceof EaError)) throw error
    throw new EaError('usage', `Preset ${name}: ${error.message}`, { suggestions: error.suggestions, cause: error })
  }
}

function parseFile(name: string, text: string): File {
  let given: unknown
  try {
    // Every value is a text, as on a command line: no, 1 and null are what they look like.
    given = parse(text, { schema: 'failsafe' })
  } catch (error) {
    throw new EaError('usage', `Preset ${name} is not YAML: ${(error as Error).message.split('\n')[0]}`)
  }
  const parsed = schema.safeParse(given)
  if (parsed.success) return parsed.data
  const keys = Object.keys(schema.shape)
  const problems = parsed.error.issues.flatMap((issue) => {
    const place = issue.path.join('.')
    if (issue.code !== 'unrecognized_keys') return [`${place === '' ? 'it' : place}: ${issue.message}`]
    return issue.keys.map((key) => {
      const near = nearest(key, issue.path.length === 0 ? keys : eventFields)
      return `unknown key ${[...issue.path, key].join('.')}${near ? `, perhaps ${near}` : ''}`
    })
  })
  throw new EaError('usage', `Preset ${name}: ${problems.join('; ')}.`, {
    suggestions: [`Its keys are ${keys.join(', ')}. \`ea presets show mixpanel\` prints one to copy.`],
    details: { problems },
  })
}

function recogniseOf({ recognise }: File): Recognise | null {
  if (recognise === undefined) return null
  if (Array.isArray(recognise)) {
    return { paths: recognise.map((any) => any.split('|').flatMap((path) => parseNames('recognise', path.trim()))) }
  }
  if ('columns' in recognise) return { columns: Number(recognise.columns) }
  try {
    return { line: new RegExp(recognise.line) }
  } catch (error) {
    throw new EaError('usage', `recognise.line: ${(error as Error).message}`)
  }
}

function optionsOf(name: string, file: File): Partial<ReadingOptions> {
  const { format, delimiter, quote, encoding, comment, columns, drop, types, each, time, timezone, id } = file
  if (timezone !== undefined && !isTimeZone(timezone)) {
    throw new EaError('usage', `timezone: "${timezone}" is no time zone.`)
  }
  const skipLines = file['skip-lines']
  return {
    preset: name,
    ...(format && { format }),
    ...(delimiter !== undefined && { delimiter }),
    ...(quote !== undefined && { quote }),
    ...(file.escape !== undefined && { escape: file.escape }),
    ...(encoding !== undefined && { encoding }),
    ...(columns && { columns: columns.flatMap((text) => parseNames('columns', text).map((column) => column.name)) }),
    ...(skipLines !== undefined && { skipLines: Number(skipLines) }),
    ...(comment !== undefined && { comment }),
    ...(file.null && { nulls: file.null }),
    ...(drop && { drop: drop.flatMap((text) => parseNames('drop', text)) }),
    ...(types && { types: parseTypes('types', types) }),
    ...(each !== undefined && { each: parseNames('each', each)[0]! }),
    ...(time !== undefined && { timeFormat: parseTimeFormat(time) }),
    ...(timezone !== undefined && { timezone }),
    ...(file.map && { map: mapOf(file.map) }),
    ...(id && { idFrom: parseIdFrom(id.join(',')) }),
  }
}

/** Several properties are a list that is merged. */
function mapOf(map: NonNullable<File['map']>): FieldMap {
  return Object.fromEntries(
    eventFields.flatMap((field) => {
      const sources = map[field]
      if (!sources) return []
      const text = field === 'properties' && sources.length > 1 ? `[${sources.join(', ')}]` : sources.join(' | ')
      return [[field, parseExpression(`map.${field}`, field, text)]]
    }),
  )
}
