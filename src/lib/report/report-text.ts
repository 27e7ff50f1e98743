/** What a report says in words, for HTML and Markdown alike; nothing is escaped here. */
import { capitalized, human, percentText } from '../present/tables/cell-text.js'
import type { Headline } from './headlines.js'
import type { Quality } from './quality.js'
import type { Report } from './report.js'

/** The range, the zone, the segments and the clock, one sentence each. */
export function aboutReport({ range, segments }: Report): string[] {
  const { from, to, tz, weekStart, asOf, dataFrom, dataUntil } = range
  const minute = asOf.slice(0, 16).replace('T', ' ')
  return [
    ...(from === null || to === null
      ? ['There are no events yet.']
      : [`${from === to ? from : `${from} to ${to}`}, ${tz}, weeks start on ${capitalized(weekStart)}.`]),
    ...(segments.length === 0 ? [] : [`Filter: ${segments.join(' and ')}.`]),
    ...(from === null || dataFrom === null ? [] : [`The data goes from ${dataFrom} to ${dataUntil}.`]),
    ...(to !== null && dataFrom !== null && to < dataFrom ? ['The range is before the data.'] : []),
    ...(from !== null && dataUntil !== null && from > dataUntil ? ['The range is after the data.'] : []),
    `As of ${minute} UTC.`,
  ]
}

/** `+12.3%`, or for rates `+1.2 points`; `unknown` where it is. */
export function changeText({ change, kind }: Headline): string {
  if (change === null) return 'unknown'
  const signed = change > 0 ? `+${percentText(change)}` : percentText(change === 0 ? 0 : change)
  return kind === 'rate' ? signed.replace('%', ' points') : signed
}

/** What a change is measured against, or why it is not known. */
export function baseText({ base, unknown, kind }: Headline): string {
  if (unknown !== null) return `Change unknown: ${unknown}.`
  if (base === null) return ''
  return `Against ${human(base.value, kind, true)} from ${base.from} to ${base.to}.`
}

export function qualityText({ value, kind }: Quality): string {
  return human(value, kind, true)
}
