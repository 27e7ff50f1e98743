/**
 * The flags that say how a source is to be read, shared by `ea import` and `ea inspect`, and their way into options of
 * the library. Defaults are read from there and written nowhere else.
 */
import { Flags } from '@oclif/core'
import { formats } from '../../import/detect/sniff.js'
import { importDefaults } from '../../import/options.js'
import type { ReadingOptions } from '../../import/parse-options.js'
import { parseIdFrom, parseMap } from '../../load/mapping/map-parser.js'
import { formatTimeFormat, parseTimeFormat } from '../../load/mapping/time-format.js'
import { formatBytes, parseBytes } from '../quantity-flags.js'
import { requireTimeZone } from '../time-zone.js'

const group = { helpGroup: 'READING' }

export const readingFlags = {
  format: Flags.string({
    ...group,
    description: 'Format of the source; json is an array or lines. Default: detected.',
    options: [...formats, 'json'],
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
  timezone: Flags.string({
    ...group,
    description: 'Time zone of times without an offset.',
    helpValue: 'ZONE',
    default: importDefaults.timezone,
  }),
  'time-format': Flags.string({
    ...group,
    description: 'auto, iso, epoch-s, epoch-ms, epoch-us, or a pattern like "DD/MM/YYYY HH24:MI:SS".',
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
  readonly format: string | undefined
  readonly delimiter: string | undefined
  readonly quote: string | undefined
  readonly encoding: string | undefined
  readonly map: string | undefined
  readonly 'id-from': string | undefined
  readonly timezone: string
  readonly 'time-format': string
  readonly 'max-record-bytes': string
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
    map: flags.map === undefined ? undefined : parseMap(flags.map),
    idFrom: flags['id-from'] === undefined ? undefined : parseIdFrom(flags['id-from']),
    timezone: requireTimeZone(flags.timezone, '--timezone'),
    timeFormat: parseTimeFormat(flags['time-format']),
    maxRecordBytes: parseBytes('--max-record-bytes', flags['max-record-bytes'], maxRecordBytesRange),
  }
}
