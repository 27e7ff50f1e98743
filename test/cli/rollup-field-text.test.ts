/** What `ea rollups` takes: the words of segments, and mistakes shown at their character. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseRollupField, rollupFieldText } from '../../src/lib/cli/rollups/rollup-field-text.js'
import { assertProperty } from '../support/effort.js'

test('properties and event types, as in segments', () => {
  expect(parseRollupField('properties.country')).toEqual({ kind: 'property', path: ['country'] })
  expect(parseRollupField(' properties.a.b ')).toEqual({ kind: 'property', path: ['a', 'b'] })
  expect(parseRollupField('properties."a.b"')).toEqual({ kind: 'property', path: ['a.b'] })
  expect(parseRollupField('event_type:purchase')).toEqual({ kind: 'event_type', eventType: 'purchase' })
  expect(parseRollupField('event_type = "a, b"')).toEqual({ kind: 'event_type', eventType: 'a, b' })
})

const problems: readonly (readonly [text: string, message: string, pointer: string])[] = [
  ['country', 'did you mean properties.country or event_type:country?', '^'],
  ['propertys.country', 'did you mean properties.country?', '^'],
  ['user_id', 'users cannot be kept', '^'],
  ['user_id:5', 'users cannot be kept', '^'],
  ['', 'expected properties.NAME or event_type:NAME', '^'],
  ['properties', 'expected . and the name of a property', '          ^'],
  ['properties.a b', 'a name with such a character needs quotes', '             ^'],
  [
    'properties.country:UA',
    'all values of a property are kept; did you mean properties.country?',
    '                  ^',
  ],
  ['event_type', 'the name is missing', '          ^'],
  ['event_type:', 'expected a value', '           ^'],
  ['event_type:*', 'one type, without another operator', '          ^'],
  ['event_type != view', 'one type, without another operator', '           ^'],
  ['event_type:a,b', 'one type in each; did you mean event_type:a event_type:b?', '            ^'],
  ['event_type:"a,b" , c', 'did you mean event_type:"a,b" event_type:c?', '                 ^'],
  ['event_type:a and event_type:b', 'no further condition', '            ^'],
]

test.each(problems)('%j is refused at its character', (text, message, pointer) => {
  expect(() => parseRollupField(text)).toThrow(
    expect.objectContaining({ code: 'usage', message: expect.stringContaining(message) }),
  )
  expect(() => parseRollupField(text)).toThrow(expect.objectContaining({ message: expect.stringMatching(/\n.*\n/) }))
  try {
    parseRollupField(text)
  } catch (error) {
    expect((error as Error).message.split('\n').slice(1)).toEqual([`  ${text}`, `  ${pointer}`])
  }
})

test('what is written can be read, whatever the names are', { tags: 'property' }, () => {
  const name = fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
    fc.constantFrom('*', 'a and b', 'and', ' a', '"', "'a'", 'a or event_type', ':', 'a,b', '[x]', 'a\nand\nb'),
  )
  const subject = fc.oneof(
    fc.record({ kind: fc.constant('property' as const), path: fc.array(name, { minLength: 1, maxLength: 3 }) }),
    fc.record({ kind: fc.constant('event_type' as const), eventType: name }),
  )
  const isStorable = (text: string) => !/[\0\p{Cs}]/u.test(text)
  assertProperty(
    fc.property(subject, (given) => {
      fc.pre(isStorable(JSON.stringify(given).replaceAll('\\u0000', '\0')))
      expect(parseRollupField(rollupFieldText(given))).toEqual(given)
    }),
    100,
  )
})
