/** The digits of a tile can be read, and the scale covers every rate. */
import { expect, test } from 'vitest'
import { heatClass, heatTiles } from '../../src/lib/report/heat-colors.js'
import { contrast } from '../present/svg/contrast.js'

test('each tile has a contrast of 4.5', () => {
  for (const { background, text } of heatTiles) {
    expect(contrast(background, text), background).toBeGreaterThanOrEqual(4.5)
  }
})

test('every rate above zero has a tile', () => {
  expect([0, 0.0001, 0.01, 0.25, 0.999, 1].map(heatClass)).toEqual([undefined, 'h1', 'h2', 'h6', 'h10', 'h10'])
})
