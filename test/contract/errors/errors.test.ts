import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { catalogue, EaError, type ErrorCode } from '../../../src/lib/core/errors.js'
import { rejectCodes } from '../../../src/lib/core/event.js'

const page = readFileSync('docs/errors.md', 'utf8')
const section = (title: string) => page.split(/^## /m).find((part) => part.startsWith(title))!
const codesIn = (text: string) => [...text.matchAll(/^\| `(\w+)`/gm)].map((match) => match[1])

test('every code is documented, and nothing else', () => {
  expect(codesIn(section('Codes'))).toEqual(Object.keys(catalogue))
  expect(codesIn(section('Why a record is rejected'))).toEqual(Object.keys(rejectCodes))
})

test('every exit code of the catalogue is explained', () => {
  const explained = [...section('Exit codes').matchAll(/^\| (\d+) \|/gm)].map((match) => Number(match[1]))
  const used = new Set(Object.values(catalogue).map((entry) => entry.exit))
  expect(explained).toEqual(expect.arrayContaining([...used]))
})

test.each(Object.keys(catalogue) as ErrorCode[])('%s says what happened and what to do next', (code) => {
  const { meaning, next } = catalogue[code]
  expect(meaning).toMatch(/\.$/)
  expect(next).toMatch(/\.$/)
  expect(new EaError(code, 'x').suggestions).toEqual([next])
})
