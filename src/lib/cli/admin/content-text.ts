/** What `ea db verify --content` tells a person. */
import type { ContentVerification } from '../../import/verify-content.js'
import { grouped } from '../../present/tables/cell-text.js'

const shownMax = 20

/** The first differences. */
export function differingText({ content_differences: differences }: ContentVerification): string {
  const shown = differences
    .slice(0, shownMax)
    .map(({ batch, file, line, event_id, column, stored, expected }) =>
      column === 'event_id'
        ? `  event ${event_id} is missing (batch ${batch}, ${file}, line ${line})`
        : `  event ${event_id}: ${column} is ${stored}, must be ${expected} (batch ${batch}, ${file}, line ${line})`,
    )
  const more = differences.length > shownMax ? [`  … and ${grouped(differences.length - shownMax)} more`] : []
  const count = differences.length === 1 ? '1 value differs' : `${grouped(differences.length)} values differ`
  return [`${count} from the files:`, ...shown, ...more].join('\n')
}

/** How much was compared, and what could not be. */
export function contentText({ verified, skipped }: ContentVerification): string {
  const same = verified.map(({ batch, file, compared, records }) => {
    const share = compared === records ? `all ${grouped(records)}` : `${grouped(compared)} of ${grouped(records)}`
    return `Batch ${batch} matches ${file}: ${share} ${records === 1 ? 'record' : 'records'} compared.`
  })
  const not = skipped.map(({ batch, why }) => `Batch ${batch} is not compared: ${why}`)
  return [...same, ...not].join('\n') || 'There is no completed batch of a file to compare.'
}
