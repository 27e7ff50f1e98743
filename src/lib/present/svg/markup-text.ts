/** Text between tags or in an attribute of HTML, SVG and XML: what would be markup is written as a reference. */
import { visible } from '../tables/cell-text.js'

const references: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' }

/**
 * A text that stays text; control characters, which neither HTML nor XML may hold, are shown as escapes.
 *
 * @example
 * markupText('<b>') // '&lt;b&gt;'
 */
export function markupText(text: string): string {
  return visible(text).replace(/[&<>"']/g, (char) => references[char]!)
}
