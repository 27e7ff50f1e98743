/** The formats in which the outcome of checks is told, by name, and how one is asked for: `junit=FILE`. */
import { EaError } from '../../core/errors.js'
import { nearest } from '../../core/nearest.js'
import { github } from './github.js'
import { json } from './json.js'
import { junit } from './junit.js'
import { markdown } from './markdown.js'
import type { Reporter } from './report-context.js'
import { table } from './table.js'

export const reporterNames = ['table', 'json', 'md', 'junit', 'github'] as const
export type ReporterName = (typeof reporterNames)[number]
export const reporters: Readonly<Record<ReporterName, Reporter>> = { table, json, md: markdown, junit, github }

/** A report that was asked for. */
export interface RequestedReport {
  readonly name: ReporterName
  /** Where it goes; undefined: stdout. */
  readonly file: string | undefined
}

/**
 * Reads one value of --reporter: a name, or `NAME=FILE`; the file `-` is stdout.
 *
 * @throws EaError `usage`: no report has this name, or the name of the file is missing
 * @example
 * parseReporter('junit=checks.xml') // { name: 'junit', file: 'checks.xml' }
 */
export function parseReporter(text: string): RequestedReport {
  const at = text.indexOf('=')
  const given = at === -1 ? text : text.slice(0, at)
  const file = at === -1 ? '-' : text.slice(at + 1)
  const name = reporterNames.find((known) => known === given)
  if (name === undefined) {
    const near = nearest(given, reporterNames)
    const hint = near === undefined ? '' : `; did you mean ${near}?`
    throw new EaError('usage', `--reporter: ${JSON.stringify(given)} is none of ${reporterNames.join(', ')}${hint}`)
  }
  if (file === '') throw new EaError('usage', `--reporter: the name of a file is missing after "${name}="`)
  return { name, file: file === '-' ? undefined : file }
}
