/** A list of users that is written piece by piece is, to the byte, what is written at once. */
import { expect, test } from 'vitest'
import { usersWriter } from '../../src/lib/cli/answers/users-output.js'
import type { Result } from '../../src/lib/core/result.js'
import { formats } from '../../src/lib/present/tables/formats.js'
import { render } from '../../src/lib/present/tables/render.js'

const piped = { color: false, isTty: false, width: 0 }
const users = ['ann', 'b,o"b', '', 'üser\u001b[31m', ...Array.from({ length: 3000 }, (_, n) => `u${n}`)]
const rows = users.map((user_id) => ({ user_id }))

test.each(formats.flatMap((format) => [0, 1, 3, 1500].map((size) => [format, size] as const)))(
  '%s in pieces of %d',
  async (format, size) => {
    const data = rows.slice(0, 100 * size)
    const meta = { users_of: '2025-08-01', warnings: ['one'] }
    const whole: Result = { metric: 'dau', columns: [{ name: 'user_id', kind: 'text' }], data, meta }
    let text = ''
    const writer = usersWriter('dau', format, piped, async (piece) => {
      text += piece
    })
    for (let at = 0; at < data.length; at += size) await writer.take(data.slice(at, at + size))
    expect(await writer.end({ ...whole, data: [] }, ['one'])).toBe(data.length)
    expect(text).toBe(await render(whole, format, piped))
  },
)
