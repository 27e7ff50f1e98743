import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Condition } from '../../../src/lib/stats/filter/filter.js'
import {
  fieldText,
  parseExclusion,
  parseField,
  parseSegment,
  parseSelector,
  pointAt,
  SyntaxProblem,
  stepText,
  valueText,
} from '../../../src/lib/stats/filter/filter-parser.js'
import { assertProperty, atLeast } from '../../support/effort.js'
import { someCondition, someSelector } from './filter-model.js'

const property = (...path: string[]) => ({ kind: 'property', path }) as const
const eventType = { kind: 'event_type' } as const

function problemOf(parse: () => unknown): SyntaxProblem {
  try {
    parse()
  } catch (error) {
    if (error instanceof SyntaxProblem) return error
    throw error
  }
  throw new Error('this was read without a problem')
}

describe('what is read', () => {
  const conditions: [text: string, ...Omit<Condition, 'text'>[]][] = [
    ['event_type:purchase', { field: eventType, operator: '=', values: ['purchase'] }],
    ['event_type:*', { field: eventType, operator: 'is set', values: [] }],
    ['user_id = 7', { field: { kind: 'user_id' }, operator: '=', values: ['7'] }],
    ['properties.country:UA,PL', { field: property('country'), operator: '=', values: ['UA', 'PL'] }],
    ['properties.country != UA , PL', { field: property('country'), operator: '!=', values: ['UA', 'PL'] }],
    ['  properties.a.b>=10.5  ', { field: property('a', 'b'), operator: '>=', values: ['10.5'] }],
    ['properties.a>10', { field: property('a'), operator: '>', values: ['10'] }],
    ['properties.a<-10', { field: property('a'), operator: '<', values: ['-10'] }],
    ['properties.a<=0', { field: property('a'), operator: '<=', values: ['0'] }],
    ['properties.a ~ /sale,%', { field: property('a'), operator: '~', values: ['/sale', '%'] }],
    ['properties.$browser:*', { field: property('$browser'), operator: 'is set', values: [] }],
    ['properties.$lib/v-1 = *', { field: property('$lib/v-1'), operator: 'is set', values: [] }],
    ['properties.a:"*"', { field: property('a'), operator: '=', values: ['*'] }],
    ['properties.a:**', { field: property('a'), operator: '=', values: ['**'] }],
    ['properties.a:""', { field: property('a'), operator: '=', values: [''] }],
    ['properties."a.b".c:1', { field: property('a.b', 'c'), operator: '=', values: ['1'] }],
    ['properties."odd ""key"" [:=]":1', { field: property('odd "key" [:=]'), operator: '=', values: ['1'] }],
    ['properties."":1', { field: property(''), operator: '=', values: ['1'] }],
    ['properties.items.0.name:x', { field: property('items', '0', 'name'), operator: '=', values: ['x'] }],
    ['properties.url:https://x.y/a?b=c&d', { field: property('url'), operator: '=', values: ['https://x.y/a?b=c&d'] }],
    ['properties.plan:Salt Lake City', { field: property('plan'), operator: '=', values: ['Salt Lake City'] }],
    ['properties.a:android', { field: property('a'), operator: '=', values: ['android'] }],
    ['properties.a:and', { field: property('a'), operator: '=', values: ['and'] }],
    ['properties.a:this or that', { field: property('a'), operator: '=', values: ['this or that'] }],
    [
      'properties.a:"x, y and [z] ""q""" , w',
      { field: property('a'), operator: '=', values: ['x, y and [z] "q"', 'w'] },
    ],
    ['properties.a:\\,"\\"', { field: property('a'), operator: '=', values: ['\\', '\\'] }],
  ]
  test.each(conditions)('%s', (text, ...expected) => {
    expect(parseSegment(text).map(({ text: _, ...rest }) => rest)).toEqual(expected)
  })

  test('several conditions, each with its own text', () => {
    expect(parseSegment(' event_type:buy and  properties.a : "1 and 2" AND\nproperties.b>2 ')).toEqual([
      { field: eventType, operator: '=', values: ['buy'], text: 'event_type:buy' },
      { field: property('a'), operator: '=', values: ['1 and 2'], text: 'properties.a : "1 and 2"' },
      { field: property('b'), operator: '>', values: ['2'], text: 'properties.b>2' },
    ])
  })

  test('selectors', () => {
    expect(parseSelector(' signed up ')).toEqual({ eventType: 'signed up', conditions: [], text: 'signed up' })
    expect(parseSelector('user:login, again')).toMatchObject({ eventType: 'user:login, again' })
    expect(parseSelector('"a[b] ""c"""')).toMatchObject({ eventType: 'a[b] "c"', conditions: [] })
    expect(parseSelector('purchase [ properties.country:UA and properties.value>10 ]')).toEqual({
      eventType: 'purchase',
      conditions: [
        { field: property('country'), operator: '=', values: ['UA'], text: 'properties.country:UA' },
        { field: property('value'), operator: '>', values: ['10'], text: 'properties.value>10' },
      ],
      text: 'purchase [ properties.country:UA and properties.value>10 ]',
    })
    expect(parseSelector('"a[b]"[properties.a:"]"]')).toMatchObject({
      eventType: 'a[b]',
      conditions: [{ values: [']'] }],
    })
  })

  test('exclusions, between all steps or between two', () => {
    const refund = { eventType: 'refund', conditions: [], text: 'refund' }
    expect(parseExclusion('refund', 3)).toEqual({ selector: refund, after: 1, before: 3 })
    expect(parseExclusion('refund:2-3', 3)).toEqual({ selector: refund, after: 2, before: 3 })
    expect(parseExclusion(' refund : 1 - 2 ', 3)).toEqual({ selector: refund, after: 1, before: 2 })
    expect(parseExclusion('a:1-2:1-3', 3)).toMatchObject({ selector: { eventType: 'a:1-2' }, after: 1, before: 3 })
    expect(parseExclusion('"a:1-2"', 4)).toMatchObject({ selector: { eventType: 'a:1-2' }, after: 1, before: 4 })
    expect(parseExclusion('"a":1-2', 4)).toMatchObject({ selector: { eventType: 'a' }, after: 1, before: 2 })
    expect(parseExclusion('user:login', 4)).toMatchObject({ selector: { eventType: 'user:login' }, after: 1 })
    expect(parseExclusion('a[properties.x:1-2]', 3)).toMatchObject({ after: 1, before: 3 })
    expect(parseExclusion('a[properties.x:1-2]:2-3', 3)).toMatchObject({
      selector: { conditions: [{ values: ['1-2'] }], text: 'a[properties.x:1-2]' },
      after: 2,
      before: 3,
    })
  })

  test('a field alone', () => {
    expect(parseField(' event_type ')).toEqual(eventType)
    expect(parseField('properties."a.b".c')).toEqual(property('a.b', 'c'))
  })
})

describe('mistakes point at their character', () => {
  // The mark stands below the character; what is suggested stands behind it.
  const mistakes: [kind: 'segment' | 'selector' | 'exclusion' | 'field', text: string, mark: string, what: RegExp][] = [
    ['segment', '', '^', /^expected a field/],
    ['segment', '   ', '   ^', /^expected a field/],
    ['segment', 'country:UA', '^ properties.country:UA', /^expected a field/],
    ['segment', 'country==UA', '^ properties.country=UA', /^expected a field/],
    ['segment', 'country', '^ properties.country:*', /^expected a field/],
    ['segment', 'event_typ:buy and user_id:1', '^ event_type:buy', /^expected a field/],
    ['segment', 'userid:1', '^ user_id:1', /^expected a field/],
    ['segment', 'propertis.country:UA,PL', '^ properties.country:UA,PL', /^expected a field/],
    ['segment', 'occurred_at>2025-01-01', '^', /^expected a field/],
    ['segment', '"event_type":x', '^', /^expected a field/],
    ['segment', ':x', '^', /^expected a field/],
    ['segment', 'event_type:a and country:UA', '                 ^ properties.country:UA', /value with the word "and"/],
    ['segment', 'event_type:a and', '                ^', /^expected a field/],
    ['segment', 'event_type:a and and user_id:1', '                 ^', /^expected a field/],
    ['segment', 'properties', '          ^', /^expected \. and the name/],
    ['segment', 'properties:x', '          ^', /^expected \. and the name/],
    ['segment', 'properties.:x', '           ^', /^expected the name of a property/],
    ['segment', 'properties.a..b:x', '             ^', /^expected the name of a property/],
    ['segment', 'properties."a:x', '           ^', /^expected a closing quote/],
    ['segment', 'properties."a"b:x', '              ^', /^expected an operator/],
    ['segment', 'event_type.x:1', '          ^', /^expected an operator/],
    ['segment', 'properties.a', '            ^ properties.a:*', /^expected an operator/],
    ['segment', 'properties.a and event_type:x', '             ^ properties.a:*', /^expected an operator/],
    ['segment', 'properties.page title:x', '                ^', /^expected an operator/],
    ['segment', 'properties.a is UA', '             ^', /^expected an operator/],
    ['segment', 'properties.a==UA', '            ^ properties.a=UA', /^expected an operator/],
    ['segment', 'properties.a => 1', '             ^ properties.a >= 1', /^expected an operator/],
    ['segment', 'properties.a<>UA', '            ^ properties.a!=UA', /^expected an operator/],
    ['segment', 'properties.a!:UA', '            ^ properties.a!=UA', /^expected an operator/],
    ['segment', 'properties.a!~UA', '            ^', /^expected an operator/],
    ['segment', 'properties.a:~UA', '            ^ properties.a~UA', /^expected an operator/],
    ['segment', 'properties.a:', '             ^', /^expected a value/],
    ['segment', 'properties.a: and event_type:x', '              ^', /^expected a value/],
    ['segment', 'properties.a:,b', '             ^', /^expected a value/],
    ['segment', 'properties.a:b,', '               ^', /^expected a value/],
    ['segment', 'properties.a:b, ,c', '                ^', /^expected a value/],
    ['segment', 'properties.a:b, and event_type:x', '                ^', /^expected a value/],
    ['segment', 'properties.a:b,*', '               ^', /^expected a value; \*/],
    ['segment', 'properties.a!=*', '              ^', /^expected a value; \*/],
    ['segment', 'properties.a~*', '             ^', /^expected a value; \*/],
    ['segment', 'properties.a>1,000', '              ^', /^expected one number/],
    ['segment', 'properties.a:x,"y', '               ^', /^expected a closing quote/],
    ['segment', 'properties.a:"x""', '             ^', /^expected a closing quote/],
    ['segment', 'properties.a:5" screen', '              ^', /quotes around it/],
    ['segment', 'properties.a:x[1]', '              ^', /quotes around it/],
    ['segment', 'properties.a:"x"y', '                ^', /^expected a comma, "and" or the end/],
    ['segment', 'properties.a:"x"and user_id:1', '                ^', /^expected a comma, "and" or the end/],
    ['segment', 'properties.a:x]', '              ^', /^expected a comma, "and" or the end/],
    ['segment', "properties.a:'UA'", '             ^', /double quotes/],
    ['segment', 'properties.a:x or properties.b:y', '               ^', /^expected "and"/],
    ['segment', 'properties.a:x && user_id:y', '               ^', /^expected "and"/],
    ['segment', 'properties.a:x\0', '              ^', /NUL/],
    ['segment', 'properties.a:\ud800', '             ^', /surrogate/],
    ['selector', '', '^', /^expected an event type/],
    ['selector', ' [user_id:1]', ' ^', /^expected an event type/],
    ['selector', '""', '^', /^expected an event type/],
    ['selector', '"buy', '^', /^expected a closing quote/],
    ['selector', 'buy]', '   ^', /needs quotes around it/],
    ['selector', 'my "buy"', '   ^', /needs quotes around it/],
    ['selector', 'buy[]', '    ^', /^expected a field/],
    ['selector', 'buy[country:UA]', '    ^ properties.country:UA', /^expected a field/],
    ['selector', 'buy[user_id:1', '             ^', /^expected a comma, "and" or \]/],
    ['selector', 'buy[user_id:"1" x]', '                ^', /^expected a comma, "and" or \]/],
    ['selector', 'buy[user_id:1 and]', '                 ^', /^expected a field/],
    ['selector', 'buy[user_id:1] x', '               ^', /^expected the end/],
    ['selector', 'buy[user_id:1]]', '              ^', /^expected the end/],
    ['exclusion', 'refund:0-2', '       ^', /^expected a step from 1 to 2/],
    ['exclusion', 'refund:3-4', '       ^', /^expected a step from 1 to 2/],
    ['exclusion', 'refund:2-2', '         ^', /^expected a step from 3 to 3/],
    ['exclusion', 'refund:1-4', '         ^', /^expected a step from 2 to 3/],
    ['exclusion', '"refund":1', '        ^', /^expected the end, or two steps/],
    ['exclusion', 'refund[user_id:1]:1-x', '                 ^', /^expected the end, or two steps/],
    ['exclusion', 'refund[user_id:1-2', '                  ^', /^expected a comma, "and" or \]/],
    ['exclusion', ':1-2', '^', /^expected an event type/],
    ['field', 'country', '^ properties.country', /^expected a field/],
    ['field', 'properties.a:x', '            ^', /^expected the end/],
    ['field', '', '^', /^expected a field/],
  ]
  const parsers = {
    segment: parseSegment,
    selector: parseSelector,
    exclusion: (text: string) => parseExclusion(text, 3),
    field: parseField,
  }
  test.each(mistakes)('%s %j', (kind, text, mark, what) => {
    const problem = problemOf(() => parsers[kind](text))
    const suggestion = problem.suggestion === undefined ? '' : ` ${problem.suggestion}`
    expect(`${' '.repeat(problem.position)}^${suggestion}`).toBe(mark)
    expect(problem.message).toMatch(what)
    expect(problem.text).toBe(text)
  })

  test('a property that is nested too deep, or has too long a name', () => {
    const deep = (count: number) => `properties${'.a'.repeat(count)}`
    expect(parseField(deep(20))).toMatchObject({ kind: 'property' })
    for (const text of [deep(21), deep(5000)]) {
      for (const parse of [
        parseField,
        (path: string) => parseSegment(`${path}:1`),
        (path: string) => parseSelector(`a[${path}:1]`),
      ]) {
        const problem = problemOf(() => parse(text))
        expect(problem.message).toBe('expected at most 20 names below properties')
        expect(problem.text.slice(0, problem.position)).toMatch(/properties(\.a){20}\.$/)
      }
    }
    expect(problemOf(() => parseField(`properties.${'a'.repeat(4001)}`)).message).toMatch(/at most 4000 characters/)
  })

  test('two lines, the mark below the character also behind wide characters and line breaks', () => {
    const shown = (text: string) => pointAt(problemOf(() => parseSegment(text)))
    expect(shown('properties.a:x]')).toBe('  properties.a:x]\n                ^')
    expect(shown('properties.a:日本]')).toBe('  properties.a:日本]\n                   ^')
    expect(shown('properties.a:\n\u001b[1m]')).toBe('  properties.a:  [1m]\n                 ^')
  })
})

describe('for all texts', () => {
  const condition = someCondition.filter(({ text }) => text.length < 1000)

  test('what is printed is read as it was', { tags: 'property' }, () => {
    assertProperty(
      fc.property(
        fc.array(condition, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(' and ', '\nAND  '),
        (all, and) => {
          expect(parseSegment(all.map(({ text }) => text).join(and))).toEqual(all)
        },
      ),
      500,
    )
    assertProperty(
      fc.property(someSelector, fc.constantFrom('', ' ', '\t\n'), (selector, blank) => {
        expect(parseSelector(`${blank}${selector.text}${blank}`)).toEqual(selector)
        expect(parseExclusion(`${blank}${selector.text}${blank}:2-4 `, 5)).toEqual({ selector, after: 2, before: 4 })
      }),
      500,
    )
  })

  test('a field is read as it is written', { tags: 'property' }, () => {
    assertProperty(
      fc.property(condition, ({ field }) => {
        expect(parseField(fieldText(field))).toEqual(field)
      }),
      100,
    )
  })

  test('a text is read or has a problem inside of it, and what is suggested can be read', { tags: 'property' }, () => {
    const pieces = [
      ...['event_type', 'user_id', 'properties', '.', '.a', 'country', ':', '=', '!=', '>', '<=', '~', '==', '"', '""'],
      ...["'", ' ', ' and ', ' or ', ',', '[', ']', '*', 'UA', '10', '1-2', '\n', '\\', '\0', '\ud800', '💥'],
    ]
    const fromPieces = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => parts.join(''))
    const almost = fc
      .tuple(fc.array(condition, { minLength: 1, maxLength: 2 }), fc.nat(), fc.nat(3), fc.constantFrom('', ...pieces))
      .map(([all, place, cut, piece]) => {
        const text = all.map((one) => one.text).join(' and ')
        const from = place % (text.length + 1)
        return text.slice(0, from) + piece + text.slice(from + cut)
      })
    const seen = { read: 0, refused: 0, suggested: 0 }
    const check = (text: string) => {
      for (const parse of [parseSegment, parseSelector, parseField, (one: string) => parseExclusion(one, 3)]) {
        try {
          parse(text)
          seen.read++
        } catch (problem) {
          if (!(problem instanceof SyntaxProblem)) throw problem
          expect(problem.position).toBeGreaterThanOrEqual(0)
          expect(problem.position).toBeLessThanOrEqual(text.length)
          expect(pointAt(problem).split('\n')).toHaveLength(2)
          seen.refused++
          if (problem.suggestion === undefined) continue
          seen.suggested++
          if (parse === parseField) parseField(problem.suggestion)
          else expect(parseSegment(problem.suggestion)).toHaveLength(1)
        }
      }
    }
    assertProperty(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fromPieces, almost), check), 3000)
    expect(Math.min(seen.read, seen.refused, seen.suggested)).toBeGreaterThan(atLeast(50))
  })

  test('long texts are read in one go', () => {
    const long = 'x '.repeat(500_000)
    expect(parseSegment(`properties.a:${long}`)[0]!.values[0]).toHaveLength(999_999)
    expect(parseSegment(`properties.a:"${long}"`)[0]!.values[0]).toHaveLength(1_000_000)
    expect(parseSelector(long).eventType).toHaveLength(999_999)
    expect(problemOf(() => parseSegment(`properties.a:x${' '.repeat(1_000_000)}]`)).position).toBe(1_000_014)
  })
})

test.each([
  ['event_type:a and country:UA', 'event_type:a and properties.country:UA'],
  ['country:UA and event_type:a', 'properties.country:UA and event_type:a'],
  ['properties.country==UA and event_type:a', 'properties.country=UA and event_type:a'],
  ['userid==u1 and event_type:a', 'user_id=u1 and event_type:a'],
])('%s: the whole text is corrected, not only its condition', (text, corrected) => {
  expect(() => parseSegment(text)).toThrow(expect.objectContaining({ corrected }))
})

test('a value and a step are written so that they are read back as they are', () => {
  const texts = [
    '',
    ' ',
    'a',
    'a b',
    ' a',
    'a ',
    '"',
    'a"b',
    "'a'",
    '*',
    'a,b',
    'a and b',
    'and',
    'a[b]',
    ':a',
    '>=1',
    'a:1-2',
  ]
  for (const text of [...texts, 'покупка', '購入 完了', '🛒', 'a.b', '$', 'x or properties.y', '\u3000a', '::', '~']) {
    expect(parseSegment(`event_type:${valueText(text)} and user_id:*`)[0]!.values).toEqual([text])
    if (text !== '') expect(parseSelector(stepText(text))).toMatchObject({ eventType: text, conditions: [] })
    if (text !== '') expect(parseExclusion(`${stepText(text)}:1-2`, 3)).toMatchObject({ selector: { eventType: text } })
  }
})
