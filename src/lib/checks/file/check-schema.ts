/**
 * What a check file may hold, as zod schemas: names, kinds, defaults and a sentence each. The parser refuses by them, and
 * the JSON Schema for editors (docs/check.schema.json) is made of them.
 */
import * as z from 'zod'
import { stats } from '../../stats/catalog.js'
import { contextParams } from '../../stats/query/params.js'
import { severities, unknownVerdicts } from './check.js'

const statNames = stats.map(({ name }) => name)

const settings = {
  severity: z
    .enum(severities)
    .default('fail')
    .describe('What the check is when it does not hold: fail (exit 6), or warn (exit 0, with --fail-on warn 6).'),
  min_base: z
    .number()
    .min(0)
    .optional()
    .describe('The least number of users or events that decides anything: below it the result is unknown.'),
  on_unknown: z
    .enum(unknownVerdicts)
    .default('unknown')
    .describe('What the check is when it cannot be decided: unknown (exit 7), or as if it were pass, warn or fail.'),
}

/** What holds for every check that does not say otherwise. */
export const defaultsSchema = z.strictObject({
  tz: contextParams.tz,
  week_start: contextParams.weekStart,
  as_of: contextParams.asOf,
  segment: contextParams.segment,
  ...settings,
})

export const checkSchema = z.strictObject({
  name: z.string().min(1).describe('What is promised, for people; each check of a file has its own.'),
  stat: z
    .enum(statNames)
    .optional()
    .describe('The question; left out for checks of freshness, rejected and duplicates, which ask none.'),
  params: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('The parameters of the stat, with the names of its flags: start-date, start_date or startDate.'),
  assert: z
    .string()
    .min(1)
    .describe(
      'What must hold: unique_users >= 1000; mean(rates[1]) between 20% and 60%; sum(value) change vs previous_period >= -25%; freshness <= 26h; rejected <= 1%.',
    ),
  // Without their defaults: what a check does not say, `defaults` does.
  severity: settings.severity.unwrap().optional().describe(settings.severity.description!),
  min_base: settings.min_base,
  on_unknown: settings.on_unknown.unwrap().optional().describe(settings.on_unknown.description!),
})

export const checkFileSchema = z.strictObject({
  defaults: defaultsSchema.optional().describe('What holds for every check of the file that does not say otherwise.'),
  checks: z.array(checkSchema).min(1).describe('The checks, in the order in which they are reported.'),
})
