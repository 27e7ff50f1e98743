/** A command that does not exist: a suggestion only where one is near, else the commands there are. */
import { expect, test } from 'vitest'
import { unknownCommand } from '../../src/lib/cli/unknown-command.js'

const commands = [
  ...['import', 'check', 'check init', 'version', 'stats dau', 'stats funnel', 'stats list', 'stats retention'],
  ...['batches list', 'batches undo'],
]
const saidOf = (text: string) => {
  const { message, suggestions } = unknownCommand(text.split(' '), commands)
  return [message, ...suggestions]
}

test.each([
  ['stats duu', 'Did you mean `ea stats dau`?'],
  ['stats retentoin events.csv', 'Did you mean `ea stats retention`?'],
  ['imprt events.csv', 'Did you mean `ea import`?'],
  ['retention', 'Did you mean `ea stats retention`?'],
  ['stat dau', 'Did you mean `ea stats dau`?'],
  ['statz', 'Did you mean `ea stats`?'],
  ['list', 'Did you mean `ea stats list` or `ea batches list`?'],
  ['vesion', 'Did you mean `ea version`?'],
])('%s: what is near is suggested', (typed, suggestion) => {
  expect(saidOf(typed)[1]).toBe(suggestion)
})

test.each([
  ['stats users', 'The commands are stats dau, stats funnel, stats list, stats retention.', 'ea stats --help'],
  ['batches remove', 'The commands are batches list, batches undo.', 'ea batches --help'],
  ['users', 'The commands are batches, check, import, stats, version.', 'ea --help'],
  ['x', 'The commands are batches, check, import, stats, version.', 'ea --help'],
])('%s: nothing is near, so what there is is listed', (typed, list, help) => {
  const [message, first, second] = saidOf(typed)
  expect(message).toContain(`"${typed}"`)
  expect([first, second]).toEqual([list, `Run \`${help}\` to see what each does.`])
})
