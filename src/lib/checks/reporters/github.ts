/**
 * The report for GitHub Actions: workflow commands that become annotations, and a summary of the step. The escapes are
 * those that the runner undoes (test/checks/reporters/github.test.ts has its rules).
 */
import { visible } from '../../present/tables/cell-text.js'
import type { CheckOutcome, CheckReport } from '../evaluate/outcome.js'
import { markdown } from './markdown.js'
import { facts, gravity } from './outcome-text.js'
import type { ReportContext } from './report-context.js'

/** One annotation; line and column count from 1. */
export interface Annotation {
  readonly level: 'error' | 'warning'
  readonly file: string | undefined
  readonly line: number | undefined
  readonly column: number | undefined
  readonly title: string
  readonly message: string
}

// The runner cuts messages at 4096 UTF-16 units, and GitHub refuses longer titles.
const messageMaxChars = 4096
const titleMaxChars = 255
// GitHub refuses a summary of more than 1 MiB.
const summaryMaxBytes = 1_000_000

/** A line for each check that did not pass; an error where it decides the exit code, else a warning. */
export function github(report: CheckReport, context: ReportContext): string {
  return annotations(report, context)
    .map((annotation) => `${command(annotation)}\n`)
    .join('')
}

/** The annotations before they are written as commands. */
export function annotations({ outcomes }: CheckReport, context: ReportContext): Annotation[] {
  return outcomes.flatMap((outcome) => {
    const level = gravity(outcome, context)
    return level === 'none' ? [] : [annotation(outcome, level)]
  })
}

/**
 * What belongs into the file of $GITHUB_STEP_SUMMARY: the Markdown report below a heading.
 *
 * @returns at most 1 MB; a last line says so when the rest was left out
 */
export function stepSummary(report: CheckReport): string {
  const text = `## ea check\n\n${markdown(report)}\n`
  if (Buffer.byteLength(text) <= summaryMaxBytes) return text
  const fitting = Buffer.from(text).subarray(0, summaryMaxBytes)
  // Whole lines only, so no character is cut in two.
  return `${fitting.subarray(0, fitting.lastIndexOf('\n') + 1)}\nThe rest does not fit into a summary.\n`
}

function annotation(outcome: CheckOutcome, level: Annotation['level']): Annotation {
  const { name, status, place } = outcome
  const [reason, ...rest] = facts(outcome).filter(([label]) => label !== 'place')
  const message = [reason![1], ...rest.map(([label, text]) => `${label}: ${text}`)].join('\n')
  return {
    level,
    // The runner loses `=` where a value begins and spaces where the last one ends.
    file: place?.file.replace(/^=/, './='),
    line: place?.line,
    column: place?.column,
    title: cut(`${status}: ${visible(name)}`, titleMaxChars).trimEnd(),
    message: cut(message, messageMaxChars),
  }
}

function cut(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text
  // Not between the halves of a surrogate pair.
  return `${text.slice(0, maxChars - 1).replace(/[\ud800-\udbff]$/, '')}…`
}

function command({ level, file, line, column, title, message }: Annotation): string {
  const properties = Object.entries({ file, line, col: column, title })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${escapedProperty(String(value))}`)
  return `::${level} ${properties.join(',')}::${escapedData(message)}`
}

function escapedData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function escapedProperty(text: string): string {
  return escapedData(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}
