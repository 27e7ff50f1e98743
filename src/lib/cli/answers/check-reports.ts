/**
 * Where checks come from, and where their reports go: files whole or not at all, one report on stdout, and on stderr what
 * GitHub reads.
 */
import { appendFile, readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { buffer } from 'node:stream/consumers'
import type { CheckReport } from '../../checks/evaluate/outcome.js'
import type { CheckSource } from '../../checks/file/check-file.js'
import { stepSummary } from '../../checks/reporters/github.js'
import type { ReportContext } from '../../checks/reporters/report-context.js'
import { parseReporter, type RequestedReport, reporters } from '../../checks/reporters/reporters.js'
import { EaError } from '../../core/errors.js'
import { throwUnwritable } from '../../os/atomic-file.js'
import { asFileError } from '../../os/file-error.js'
import { writeOutput } from '../output.js'

/**
 * Reads the files of checks; `-` is standard input.
 *
 * @throws EaError `file_not_found`, `file_not_readable`; `check_file_invalid` for what is no UTF-8
 */
export async function readCheckSources(files: readonly string[]): Promise<CheckSource[]> {
  const sources: CheckSource[] = []
  for (const file of files) {
    const name = file === '-' ? 'standard input' : file
    const bytes = await (file === '-' ? buffer(process.stdin) : readFile(file))
      .catch(asFileError(file))
      .catch(forChecks)
    try {
      sources.push({ file: name, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) })
    } catch (cause) {
      throw new EaError('check_file_invalid', `${name} is not UTF-8.`, { suggestions: ['Save it as UTF-8.'], cause })
    }
  }
  return sources
}

/** What helps with a file of events does not help here. */
function forChecks(error: unknown): never {
  if (!(error instanceof EaError)) throw error
  const suggestions = ['Check the path and its permissions; `ea check init FILE` writes a first file.']
  throw new EaError(error.code, error.message, { suggestions, details: { ...error.details } })
}

/**
 * The reports that were asked for. Something always goes to stdout: the table, where nothing else does.
 *
 * @param given values of --reporter
 * @throws EaError `usage` for an unknown report, and for two in one place
 */
export function requestedReports(given: readonly string[], isJson: boolean): RequestedReport[] {
  const asked = given.map(parseReporter)
  const onStdout = asked.filter(isOnStdout)
  if (isJson) onStdout.unshift({ name: 'json', file: undefined })
  if (onStdout.length > 1) {
    const [first, second] = onStdout.map(({ name }) => (isJson && name === 'json' ? '--json' : name))
    throw new EaError('usage', `${first} and ${second} cannot both go to stdout.`, {
      suggestions: [`Give one of them a file: --reporter ${onStdout[1]!.name}=FILE.`],
    })
  }
  const files = asked.flatMap(({ file }) => (file === undefined ? [] : [resolve(file)]))
  const twice = files.find((file, index) => files.indexOf(file) !== index)
  if (twice !== undefined) throw new EaError('usage', `Two reports cannot both go to ${twice}.`)
  const inFiles = asked.filter((report) => !isOnStdout(report))
  return [...inFiles, onStdout[0] ?? { name: 'table', file: undefined }]
}

/** The runner of GitHub reads annotations on both streams: stdout stays data. */
function isOnStdout({ name, file }: RequestedReport): boolean {
  return file === undefined && name !== 'github'
}

/**
 * Writes the reports, files first; for GitHub also the summary of the step, where its runner says where.
 *
 * @throws EaError `output_unwritable`
 */
export async function writeReports(
  report: CheckReport,
  requested: readonly RequestedReport[],
  context: ReportContext,
): Promise<void> {
  for (const { name, file } of requested) {
    const text = reporters[name](report, file === undefined ? context : { ...context, terminal: undefined })
    if (name === 'github') await appendSummary(report)
    if (name === 'github' && file === undefined) process.stderr.write(text)
    else await writeOutput(text, file)
  }
}

async function appendSummary(report: CheckReport): Promise<void> {
  const file = process.env.GITHUB_STEP_SUMMARY
  if (file) await appendFile(file, stepSummary(report)).catch(throwUnwritable(file))
}
