/**
 * The flags that say how a source is to be read, shared by `ea import` and `ea inspect`, and their way into options of
 * the library. Defaults are read from there and written nowhere else.
 */
import { Flags } from '@oclif/core'
import { EaError } from '../../core/errors.js'
import { fileFormats } from '../../import/detect/sniff.js'
import { importDefaults } from '../../import/options.js'
import type { ReadingOptions } from '../../import/reading/parse-options.js'
import type { SourceName } from '../../load/mapping/expression.js'
import { parseIdFrom, parseMap, parseNames } from '../../load/mapping/map-parser.js'
import { formatTimeFormat, parseTimeFormat } from '../../load/mapping/time-format.js'
import { parseTypes } from '../../load/mapping/value-types.js'
import { formatBytes, parseBytes, parseCount } from '../quantity-flags.js'
import { requireTimeZone } from '../time-zone.js'

const group = { helpGroup: 'READING' }

export const readingFlags = {
  preset: Flags.string({
    ...group,
    description:
      'Read the export of a tool: a name of `ea presets list`, or a YAML file like one of `ea presets show`. Other flags win over it.',
    helpValue: 'NAME|FILE',
  }),
  format: Flags.string({
    ...group,
    description:
      'Format of the source; json is an array or lines, text is that of COPY: tabs, backslash escapes, \\N. Default: detected.',
    options: [...fileFormats, 'json'],
  }),
  delimiter: Flags.string({
    ...group,
    description: 'Field delimiter of a CSV, or `tab`. Default: detected.',
    helpValue: 'CHAR',
  }),
  quote: Flags.string({
    ...group,
    description: 'Quote character of a CSV, or `none` (default: ").',
    helpValue: 'CHAR',
  }),
  escape: Flags.string({
    ...group,
    description: 'What escapes a quote inside of quotes (default: another quote).',
    helpValue: 'CHAR',
  }),
  columns: Flags.string({
    ...group,
    description: 'Names of the columns of a CSV that has no header.',
    helpValue: 'NAME,…',
  }),
  'skip-lines': Flags.string({
    ...group,
    description: 'Lines before the header, or before the first record.',
    helpValue: 'N',
  }),
  comment: Flags.string({
    ...group,
    description: 'Pass over lines that begin with this; a first one like "#Fields: date time" names the columns.',
    helpValue: 'TEXT',
  }),
  encoding: Flags.string({
    ...group,
    description: 'Text encoding: UTF-16LE, windows-1252, … (default: by the byte order mark, else UTF-8).',
    helpValue: 'NAME',
  }),
  map: Flags.string({
    ...group,
    description:
      'Which column each field comes from: event_id=uuid,user_id=user_id|anonymous_id (the first that is set). A field takes the column of its own name; what is left becomes properties.',
    helpValue: 'FIELD=COLUMN,…',
  }),
  'id-from': Flags.string({
    ...group,
    description:
      "Derive the event_id from these columns; '*' is the whole record. # is the number of the record in its file, rejected ones counted, which keeps identical records apart; in a file of rejects the numbers begin at 1 again, so with # fix the rejected records in the file itself and import it again.",
    helpValue: 'COLUMN,…',
  }),
  null: Flags.string({
    ...group,
    description: 'A text that means that there is no value, such as \\N or -; repeatable.',
    helpValue: 'TEXT',
    multiple: true,
    multipleNonGreedy: true,
  }),
  drop: Flags.string({
    ...group,
    description: 'Columns or keys that are not stored in the properties: email,context.ip; repeatable.',
    helpValue: 'COLUMN,…',
    multiple: true,
    multipleNonGreedy: true,
  }),
  types: Flags.string({
    ...group,
    description:
      'What the values of columns or keys are as properties, which else stay as they are given: price=number,is_new=boolean,tags=json; repeatable.',
    helpValue: 'COLUMN=TYPE,…',
    multiple: true,
    multipleNonGreedy: true,
  }),
  each: Flags.string({
    ...group,
    description:
      'Where the events are in documents of JSON: data for {"data": […]}. The fields around them are added to each event.',
    helpValue: 'PATH',
  }),
  timezone: Flags.string({
    ...group,
    description: 'Time zone of times without an offset.',
    helpValue: 'ZONE',
    default: importDefaults.timezone,
  }),
  'time-format': Flags.string({
    ...group,
    description:
      'auto, wide (also other forms that cannot be mistaken), iso, epoch-s, epoch-ms, epoch-us, epoch-ns, epoch-local, or a pattern like "DD/MM/YYYY HH24:MI:SS".',
    helpValue: 'FORMAT',
    default: formatTimeFormat(importDefaults.timeFormat),
  }),
  'max-record-bytes': Flags.string({
    ...group,
    description: 'Maximum size of a record; longer ones are rejected (kB, MB: powers of 1024).',
    helpValue: 'SIZE',
    default: formatBytes(importDefaults.maxRecordBytes),
  }),
}

/** The reading flags as parsed. */
export interface ReadingFlags {
  readonly preset: string | undefined
  readonly format: string | undefined
  readonly delimiter: string | undefined
  readonly quote: string | undefined
  readonly encoding: string | undefined
  readonly map: string | undefined
  readonly 'id-from': string | undefined
  readonly escape: string | undefined
  readonly columns: string | undefined
  readonly 'skip-lines': string | undefined
  readonly comment: string | undefined
  readonly null: readonly string[] | undefined
  readonly drop: readonly string[] | undefined
  readonly types: readonly string[] | undefined
  readonly each: string | undefined
  readonly timezone: string
  readonly 'time-format': string
  readonly 'max-record-bytes': string
}

const linesRange = { min: 0, max: 10_000 }

function onlyName(flag: string, text: string): SourceName {
  const [name, ...others] = parseNames(flag, text)
  if (others.length === 0) return name!
  throw new EaError('usage', `${flag} takes one path, not ${others.length + 1}.`)
}

/** A record is held in memory as a whole, several times over. */
const maxRecordBytesRange = { min: 1, max: 256 * 1024 * 1024 }

/**
 * The flags as options of the library.
 *
 * @throws EaError `usage`
 */
export function readingOptions(flags: ReadingFlags): ReadingOptions {
  return {
    format: flags.format as ReadingOptions['format'],
    delimiter: flags.delimiter,
    quote: flags.quote,
    encoding: flags.encoding,
    escape: flags.escape,
    columns: flags.columns === undefined ? undefined : parseNames('--columns', flags.columns).map(({ name }) => name),
    skipLines:
      flags['skip-lines'] === undefined ? undefined : parseCount('--skip-lines', flags['skip-lines'], linesRange),
    comment: flags.comment,
    nulls: flags.null,
    drop: flags.drop?.flatMap((text) => parseNames('--drop', text)),
    types: flags.types && parseTypes('--types', flags.types),
    each: flags.each === undefined ? undefined : onlyName('--each', flags.each),
    map: flags.map === undefined ? undefined : parseMap(flags.map),
    idFrom: flags['id-from'] === undefined ? undefined : parseIdFrom(flags['id-from']),
    timezone: requireTimeZone(flags.timezone, '--timezone'),
    timeFormat: parseTimeFormat(flags['time-format']),
    maxRecordBytes: parseBytes('--max-record-bytes', flags['max-record-bytes'], maxRecordBytesRange),
  }
}
