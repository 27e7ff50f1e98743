import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  detectTimeFormat,
  formatTimeFormat,
  parseTimeFormat,
  resolveTimes,
} from '../../src/lib/load/mapping/time-format.js'
import { assertProperty } from '../support/effort.js'
import { errorOf } from '../support/temp-dir.js'

describe('parseTimeFormat', () => {
  test.each([
    ['auto', { kind: 'auto' }],
    ['iso', { kind: 'iso' }],
    ['epoch-s', { kind: 'epoch_s' }],
    ['epoch-ms', { kind: 'epoch_ms' }],
    ['epoch-us', { kind: 'epoch_us' }],
    ['DD/MM/YYYY', { kind: 'pattern', pattern: 'DD/MM/YYYY' }],
    ['MM-DD-YYYY HH24:MI:SS.MS', { kind: 'pattern', pattern: 'MM-DD-YYYY HH24:MI:SS.MS' }],
    ['D/M/YY H12:MI AM', { kind: 'pattern', pattern: 'D/M/YY H12:MI AM' }],
    ['Dy, DD Mon YYYY HH24:MI:SS TZ', { kind: 'pattern', pattern: 'Dy, DD Mon YYYY HH24:MI:SS TZ' }],
    ['wide', { kind: 'wide' }],
    ['epoch-local', { kind: 'epoch_local' }],
    ['YYYYMMDDTHH24MISS', { kind: 'pattern', pattern: 'YYYYMMDDTHH24MISS' }],
  ])('%s', (text, format) => {
    expect(parseTimeFormat(text)).toEqual(format)
    expect(formatTimeFormat(parseTimeFormat(text))).toBe(text)
  })

  test.each([
    ['', /neither auto/],
    ['epoch', /neither auto/],
    ['toString', /neither auto/],
    ['YYYY-MM', /has YYYY but not DD/],
    ['DD/MM/YYYY HH:MI', /has "H"/],
    ['DD/MM/YYYY HH12:MI', /hours up to 12 but not AM/],
    ['DD/MM/YYYY HH24:MI AM', /has AM but not HH12/],
    ['DD/MM/YYYY YY', /has both YYYY and YY/],
    ['DD Mon MM YYYY', /has both Mon and MM/],
    ['DD/MM/YYYY TZ', /has TZ but not HH24/],
    ['YYYY-MM-DD MI', /has MI but not HH24/],
    ['YYYY-MM-DD HH24:MI:SS.MS.US', /both MS and US/],
    ['YYYY-MM-DD DD', /has DD twice/],
    ['YYYY_MM_DD', /has "_"/],
    ['YYYY-MM-DDZ', /has "Z"/],
    ['YYYY-MM-DD\n', /has "\\n"/],
  ])('%j is refused', async (text, message) => {
    const error = await errorOf(() => parseTimeFormat(text))
    expect(error.code).toBe('usage')
    expect(error.message).toMatch(message)
  })
})

describe('detectTimeFormat', () => {
  test.each([
    [['2025-01-31', '2025-01-31T10:00Z', '', '2025-01-31 10:00:00.123+02:00'], 'iso'],
    [['1735689600', '1735689601'], 'epoch-s'],
    [['1735689600000'], 'epoch-ms'],
    [['1735689600000000'], 'epoch-us'],
    [['2025-01-31', '1735689600'], 'auto'],
    [['1735689600123456789'], 'epoch-ns'],
    [['2025-01-31 10:00:00,123', '2025-01-31 10:00:00 +0200'], 'wide'],
    [['12/1/2010 8:26', '1/13/2011 14:05'], 'M/D/YYYY H24:MI'],
    [['1/13/2011 02:05 PM'], 'M/D/YYYY H12:MI AM'],
    [['20250131102030'], 'YYYYMMDDHH24MISS'],
    [['31/01/2025 10:00', '01/02/2025 23:59'], 'DD/MM/YYYY HH24:MI'],
    [['01/31/2025'], 'MM/DD/YYYY'],
    [['31.01.2025 10:00:00'], 'DD.MM.YYYY HH24:MI:SS'],
    [['20250131'], 'YYYYMMDD'],
  ])('%j: %s', (samples, text) => {
    expect(detectTimeFormat(samples).format).toEqual(parseTimeFormat(text))
  })

  test.each([
    [['01/02/2025', '03/04/2025'], /DD\/MM\/YYYY and MM\/DD\/YYYY both fit all 2 samples/],
    [['31/02/2025'], /no known form fits, for example "31\/02\/2025"/],
    [['2025-01-31', 'yesterday'], /for example "yesterday"/],
    [[''], /no sample/],
    [[], /no sample/],
  ])('%j: none', (samples, why) => {
    const guess = detectTimeFormat(samples)
    expect(guess.format).toBeNull()
    expect(guess.why).toMatch(why)
  })

  test('any day is found in its own form, or the doubt is said', { tags: 'property' }, () => {
    const days = fc.date({ min: new Date('1970-01-01'), max: new Date('2037-12-31'), noInvalidDate: true })
    assertProperty(
      fc.property(fc.array(days, { minLength: 1, maxLength: 5 }), (dates) => {
        const samples = dates.map((date) => date.toISOString().slice(0, 10).split('-').reverse().join('/'))
        const { format, why } = detectTimeFormat(samples)
        if (dates.some((date) => date.getUTCDate() > 12))
          expect(format).toEqual({ kind: 'pattern', pattern: 'DD/MM/YYYY' })
        else expect(why).toContain('DD/MM/YYYY and MM/DD/YYYY both fit')
      }),
      100,
    )
  })
})

describe('resolveTimes', () => {
  const auto = parseTimeFormat('auto')
  test('usual times and a few odd ones stay as they are', () => {
    const samples = [...Array.from({ length: 20 }, () => '2025-01-31T10:00:00Z'), '1/13/2025']
    expect(resolveTimes(auto, samples)).toEqual({ format: auto })
    expect(resolveTimes(auto, [])).toEqual({ format: auto })
    expect(resolveTimes(auto, ['yesterday'])).toEqual({ format: auto })
  })

  test('the order of day and month is found by values and told, or has to be said', () => {
    expect(resolveTimes(auto, ['1/2/2024 10:00', '13/2/2024 10:00'])).toEqual({
      format: { kind: 'pattern', pattern: 'D/M/YYYY H24:MI' },
      note: 'Its times are read as D/M/YYYY H24:MI, with the day first, as their values show.',
    })
    expect(resolveTimes(auto, ['01/02/2024 10:00 PM', '02/13/2024 10:00 AM']).note).toContain('with the month first')
    expect(resolveTimes(auto, ['1/2/2024', '3/4/2024'])).toMatchObject({ choices: ['D/M/YYYY', 'M/D/YYYY'] })
  })

  test('a pattern that is given takes times without the zeros', () => {
    const format = parseTimeFormat('MM/DD/YYYY HH24:MI')
    expect(resolveTimes(format, ['12/1/2010 8:26']).format).toEqual(parseTimeFormat('M/D/YYYY H24:MI'))
    expect(resolveTimes(format, ['12/01/2010 08:26']).format).toEqual(format)
  })
})
