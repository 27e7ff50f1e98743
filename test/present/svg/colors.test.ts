/** Whoever sees the charts can tell them from their background, in the light and in the dark. */
import { expect, test } from 'vitest'
import { chartVariables, gradeColor, seriesColor } from '../../../src/lib/present/svg/colors.js'
import { contrast } from './contrast.js'

test.each(['light', 'dark'] as const)('%s: marks have a contrast of 3, texts of 4.5', (theme) => {
  const values = chartVariables(theme)
  const background = values['--chart-background']!
  for (const [name, color] of Object.entries(values)) {
    if (/^--chart-(grade-)?\d+$|lost/.test(name)) expect(contrast(color, background), name).toBeGreaterThanOrEqual(3)
    if (/text|muted/.test(name)) expect(contrast(color, background), name).toBeGreaterThanOrEqual(4.5)
  }
})

test('both themes have the same variables, and every colour that is asked for is one of them', () => {
  const names = Object.keys(chartVariables('light'))
  expect(Object.keys(chartVariables('dark'))).toEqual(names)
  for (let index = 0; index < 30; index++) {
    expect(names).toContain(seriesColor(index).slice(4, -1))
    expect(names).toContain(gradeColor(index, 30).slice(4, -1))
  }
  expect([gradeColor(0, 5), gradeColor(4, 5)]).toEqual(['var(--chart-grade-1)', 'var(--chart-grade-8)'])
})
