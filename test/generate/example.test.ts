/** `examples/events.csv` is what `examples/README.md` says it is. */
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { generate } from '../../src/lib/generate/generate.js'

test('the sample is the output of the command in its README', async () => {
  const readme = await readFile('examples/README.md', 'utf8')
  const command = /ea generate (.*) --output examples\/events\.csv/.exec(readme)
  expect(command?.[1]).toBe('--events 5000 --users 400 --days 60 --from 2025-01-01 --seed 1')
  const { bytes } = generate({ events: 5000, users: 400, days: 60, from: '2025-01-01', seed: 1 })
  const made = Buffer.concat(Array.from(bytes, (piece) => Buffer.from(piece)))
  expect(made.equals(await readFile('examples/events.csv'))).toBe(true)
})
