import { expect, test } from 'vitest'
import { heatColors } from '../../../src/lib/present/tables/heat-map.js'
import { render } from '../../../src/lib/present/tables/render.js'
import { retention } from './examples.js'

const at = (width: number, more = {}) => render(retention, 'table', { color: false, isTty: true, width, ...more })
const lines = (...text: string[]) => `${text.join('\n')}\n`

test('a line for each cohort, marks with a legend, the mean below a rule', async () => {
  expect(await at(80)).toBe(
    lines(
      'cohort       size   week 0 week 1  week 2 week 3',
      '2025-08-04  1,200  100.0%   42.1%  20.0%   1.0%*',
      '2025-08-11    800  100.0%   25.0%   0.0%*',
      '2025-08-18      0       -       -',
      '2025-08-25     90  100.0%*',
      '────────── ────── ──────── ────── ─────── ──────',
      'mean        2,000  100.0%   35.3%  20.0%      -',
      '* not complete yet; blank: not begun; - no rate',
    ),
  )
})

test('windows that do not fit are left out from the right, and a line says how many', async () => {
  expect(await at(40)).toBe(
    lines(
      '                      week   week',
      'cohort       size        0      1',
      '2025-08-04  1,200  100.0%   42.1%',
      '2025-08-11    800  100.0%   25.0%',
      '2025-08-18      0       -       -',
      '2025-08-25     90  100.0%*',
      '────────── ────── ──────── ──────',
      'mean        2,000  100.0%   35.3%',
      '* not complete yet; blank: not begun',
      '- no rate',
      '2 more columns do not fit: --format csv',
    ),
  )
})

test('piped it is the same, with plain numbers and all windows', async () => {
  expect(await at(10, { isTty: false })).toBe(
    lines(
      'cohort      size   week 0 week 1  week 2 week 3',
      '2025-08-04  1200  100.0%   42.1%  20.0%   1.0%*',
      '2025-08-11   800  100.0%   25.0%   0.0%*',
      '2025-08-18     0       -       -',
      '2025-08-25    90  100.0%*',
      '────────── ───── ──────── ────── ─────── ──────',
      'mean        2000  100.0%   35.3%  20.0%      -',
      '* not complete yet; blank: not begun; - no rate',
    ),
  )
})

test('without window_type the headings are the numbers of the windows', async () => {
  const text = await render({ ...retention, meta: {} }, 'table', { color: false, isTty: true, width: 80 })
  expect(text.split('\n')[0]).toBe('cohort       size        0      1       2      3')
})

test('tiles have a colour by their rate; marks, zeros, blanks and dashes have none', async () => {
  const one = { ...retention, data: retention.data.slice(1, 3) }
  const text = await render(one, 'table', { color: true, isTty: true, width: 80 })
  const [, full, empty] = text.split('\n')
  const tile = (background: number, foreground: number, digits: string) =>
    `\u001b[48;5;${background};38;5;${foreground}m${digits}\u001b[0m`
  expect(full).toBe(`2025-08-11    800 ${tile(220, 16, ' 100.0%')} ${tile(36, 16, ' 25.0%')}   0.0%*`)
  expect(empty).toBe('2025-08-18      0       -      -')
})

test('Markdown marks rates that are not complete and explains the mark; other formats have the lists', async () => {
  const options = { color: false, isTty: false, width: 80 }
  const md = (await render(retention, 'md', options)).trimEnd().split('\n')
  expect(md[2]).toBe(
    '| 2025-08-04 | 1,200 | 1,200 | 505 | 240 | 12 | 100.0% | 42.1% | 20.0% | 1.0%\\* | yes | yes | yes | no |',
  )
  expect(md[6]).toMatch(/^\| \*\*mean\*\* \| \*\*2,000\*\* \|/)
  expect(md.slice(7)).toEqual(['', '\\* not complete yet'])
  expect((await render(retention, 'csv', options)).split('\r\n').slice(0, 3)).toEqual([
    'cohort,size,users_0,users_1,users_2,users_3,rates_0,rates_1,rates_2,rates_3,complete_0,complete_1,complete_2,complete_3',
    '2025-08-04,1200,1200,505,240,12,1,0.42083333333333334,0.2,0.01,true,true,true,false',
    '2025-08-11,800,800,200,0,,1,0.25,0,,true,true,false,false',
  ])
})

test('the colours grow lighter with the rate, and digits stand out from all of them', () => {
  const backgrounds = heatColors.map(({ background }) => luminance(background))
  expect(backgrounds).toEqual([...backgrounds].sort((a, b) => a - b))
  for (const { background, text } of heatColors) {
    const [darker, lighter] = [luminance(background), luminance(text)].sort((a, b) => a - b) as [number, number]
    // The contrast ratio of WCAG 2, where 4.5 is asked of text.
    expect((lighter + 0.05) / (darker + 0.05)).toBeGreaterThanOrEqual(4.5)
  }
})

/** The relative luminance of one of the 216 colours of the cube. */
function luminance(code: number): number {
  const levels = [0, 95, 135, 175, 215, 255]
  const index = code - 16
  const [red, green, blue] = [Math.floor(index / 36), Math.floor(index / 6) % 6, index % 6].map((level) => {
    const share = levels[level]! / 255
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

test('a mean that will still change is marked like any other rate', async () => {
  const footer = { ...retention.footer, complete: [true, false, true, false] }
  const text = await render({ ...retention, footer }, 'table', { color: false, isTty: true, width: 80 })
  expect(text.split('\n').find((line) => line.startsWith('mean'))).toMatch(/100\.0% {3}35\.3%\* *20\.0% {6}-$/)
})
