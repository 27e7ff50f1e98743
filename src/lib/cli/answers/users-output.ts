/** A list of users, written piece by piece as it comes from the database: it may have millions. */

import type { Result } from '../../core/result.js'
import type { Format, RenderOptions } from '../../present/tables/formats.js'
import { jsonClosing, jsonOpening, jsonRow } from '../../present/tables/json.js'
import { gathered } from '../../present/tables/pieces.js'
import { render } from '../../present/tables/render.js'
import type { UserRow } from '../../stats/query/drill-down.js'

export interface UsersWriter {
  take(users: readonly UserRow[]): Promise<void>
  /** Ends the list. @returns how many users it has */
  end(answer: Result, warnings: readonly string[]): Promise<number>
}

/** How many lines stand above the rows: only the first piece has them. */
const headingLines: Readonly<Record<Exclude<Format, 'json'>, number>> = { table: 1, csv: 1, md: 2, ndjson: 0 }

/**
 * What writes a list in a format.
 *
 * @param write takes the next text
 */
export function usersWriter(
  metric: string,
  format: Format,
  options: RenderOptions,
  write: (text: string) => Promise<unknown>,
): UsersWriter {
  let count = 0
  if (format === 'json') {
    return {
      async take(users) {
        const opening = count === 0 ? [jsonOpening(metric)] : []
        const rows = users.map((user, index) => jsonRow(user, count + index === 0))
        for (const text of gathered([...opening, ...rows])) await write(text)
        count += users.length
      },
      async end({ meta }, warnings) {
        await write((count === 0 ? jsonOpening(metric) : '') + jsonClosing({ ...meta, warnings }, count === 0))
        return count
      },
    }
  }
  const textOf = (data: Result['data']) =>
    render({ metric, columns: [{ name: 'user_id', kind: 'text' }], data, meta: {} }, format, options)
  return {
    async take(users) {
      const text = await textOf(users)
      await write(count === 0 ? text : withoutLines(text, headingLines[format]))
      count += users.length
    },
    async end() {
      if (count === 0) await write(await textOf([]))
      return count
    },
  }
}

function withoutLines(text: string, lines: number): string {
  let at = 0
  for (let line = 0; line < lines; line++) at = text.indexOf('\n', at) + 1
  return text.slice(at)
}
