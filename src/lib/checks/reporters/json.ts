/** The report for programs: one JSON object with every digit, in a shape that a schema describes. */
import * as z from 'zod'
import { visible } from '../../present/tables/cell-text.js'
import type { CheckOutcome, CheckReport } from '../evaluate/outcome.js'
import { statuses } from '../evaluate/outcome.js'

const day = z.string().describe('A day, YYYY-MM-DD.')
const days = { from: day, to: day.describe('A day, YYYY-MM-DD; included.') }
const kind = z.enum(['count', 'rate', 'points', 'seconds'])
const cell = z.union([z.string(), z.number(), z.boolean(), z.null()])

/** What `ea check --json` and `--reporter json` print. */
export const checkReportSchema = z.strictObject({
  checks: z.array(
    z.strictObject({
      name: z.string(),
      status: z.enum(statuses).describe('After --on-unknown; a null value says that the check could not be decided.'),
      stat: z.string().nullable().describe('null for checks of freshness and of imports.'),
      assert: z.string().describe('As it was written.'),
      value: z
        .number()
        .nullable()
        .describe('What was compared: rates and relative changes 0..1, ages in seconds; null when it is not known.'),
      value_kind: kind,
      threshold: z.string().describe('The comparison as it was written.'),
      base: z.number().nullable().describe('With a change: the value before; null without one.'),
      base_kind: kind.nullable().describe('What the base is; null without one.'),
      window: z
        .strictObject({ ...days, tz: z.string() })
        .nullable()
        .describe('The days that were resolved.'),
      base_windows: z.array(z.strictObject(days)).describe('With a change: the periods of the base.'),
      definition: z.string().describe('How it was counted.'),
      reason: z.string(),
      rows: z
        .array(z.record(z.string(), z.union([cell, z.array(cell)])))
        .describe('The rows that decided, for every and any; at most ten.'),
      warnings: z.array(z.string()),
      place: z
        .strictObject({ file: z.string(), line: z.number(), column: z.number() })
        .nullable()
        .describe('Where the check is in its file; null for one from the command line.'),
    }),
  ),
  counts: z.strictObject({ pass: z.number(), warn: z.number(), fail: z.number(), unknown: z.number() }),
  exit_code: z.union([z.literal(0), z.literal(6), z.literal(7)]),
  as_of: z.string().describe('What counted as now, ISO in UTC.'),
  seconds: z.number().describe('How long it took.'),
})
export type CheckReportJson = z.infer<typeof checkReportSchema>

/** The report as an object, with the names of `checkReportSchema`. */
export function checkReportJson({ outcomes, counts, exitCode, asOf, seconds }: CheckReport): CheckReportJson {
  const { pass, warn, fail, unknown } = counts
  return {
    checks: outcomes.map(checkJson),
    counts: { pass, warn, fail, unknown },
    exit_code: exitCode,
    as_of: asOf,
    seconds,
  }
}

function checkJson(outcome: CheckOutcome): CheckReportJson['checks'][number] {
  const { name, status, stat, assert, value, valueKind, threshold, base, baseKind = 'count', window } = outcome
  const { baseWindows, definition, reason, rows, warnings, place } = outcome
  return {
    name,
    status,
    stat: stat ?? null,
    assert,
    value,
    value_kind: valueKind,
    threshold,
    base,
    base_kind: base === null ? null : baseKind,
    window: window && { from: window.from, to: window.to, tz: window.tz },
    base_windows: baseWindows.map(({ from, to }) => ({ from, to })),
    definition,
    reason,
    rows: rows as CheckReportJson['checks'][number]['rows'],
    warnings: [...warnings],
    place: place === undefined ? null : { file: place.file, line: place.line, column: place.column },
  }
}

/** The object as text; what a terminal would obey is escaped, which means the same to a parser. */
export function json(report: CheckReport): string {
  const lines = JSON.stringify(checkReportJson(report), null, 2).split('\n')
  return `${lines.map(visible).join('\n')}\n`
}
