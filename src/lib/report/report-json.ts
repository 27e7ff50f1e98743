/** A report as JSON: the answers as `--json` prints them one by one, and what stands around them. */
import { snake } from '../stats/query/params.js'
import type { Report } from './report.js'

/** The object that `ea report --json` prints. */
export function reportJson(report: Report): Record<string, unknown> {
  const { title, range, segments, headlines, sections, quality, batches, warnings } = report
  const { metric: _, data } = batches
  return {
    title,
    headlines,
    sections: sections.map(({ id, title: heading, result }) => ({
      id,
      title: heading,
      metric: result.metric,
      data: result.data,
      meta: result.meta,
    })),
    quality,
    batches: data,
    meta: {
      ...Object.fromEntries(Object.entries(range).map(([name, value]) => [snake(name), value])),
      segment: segments,
      warnings,
    },
  }
}
