/** What the axes, grids, legends and texts of all charts have in common. */
import type { Scalar } from '../tables/cell-text.js'
import { human, visible } from '../tables/cell-text.js'
import { axisColor, gridColor, mutedColor, textColor } from './colors.js'
import type { ChartOption } from './drawing.js'

export const fontSizePx = 12
const text = { color: mutedColor, fontSize: fontSizePx }

let compact: Intl.NumberFormat | undefined

/** A number for an axis: 950, 1,200, 45K, 1.2M. */
export function axisNumber(value: number): string {
  compact ??= new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 })
  return Math.abs(value) < 10_000 ? human(value, 'count', true) : compact.format(value)
}

/** The axis of numbers. */
export function countAxis() {
  return {
    type: 'value' as const,
    minInterval: 1,
    axisLabel: { ...text, formatter: axisNumber },
    splitLine: { lineStyle: { color: gridColor } },
  }
}

/** The axis of shares, from 0. */
export function rateAxis() {
  const percent = (value: number) => `${Number((value * 100).toFixed(2))}%`
  return {
    type: 'value' as const,
    min: 0,
    axisLabel: { ...text, formatter: percent },
    splitLine: { lineStyle: { color: gridColor } },
  }
}

/** The axis of names; they are drawn as they are, cut where there is no room. */
export function nameAxis(names: readonly string[], more: { widthPx?: number; title?: string } = {}) {
  const { widthPx, title } = more
  return {
    type: 'category' as const,
    data: [...names],
    axisLabel: {
      ...text,
      hideOverlap: true,
      ...(widthPx === undefined ? {} : { width: widthPx, overflow: 'truncate' as const, interval: 0 }),
    },
    axisTick: { show: false },
    axisLine: { show: true, lineStyle: { color: axisColor } },
    ...(title === undefined
      ? {}
      : { name: title, nameLocation: 'middle' as const, nameGap: 26, nameTextStyle: { ...text } }),
  }
}

/** The place of the plot: axis labels stay inside the picture. */
export function plot(room: { top?: number; right?: number; bottom?: number }): NonNullable<ChartOption['grid']> {
  const { top = 12, right = 16, bottom = 8 } = room
  return { left: 8, top, right, bottom, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel', show: false }
}

/** Room for a legend of so many entries above the plot. */
export function legendHeightPx(labels: readonly string[], widthPx: number): number {
  let [lines, used] = [1, 0]
  for (const label of labels) {
    const entry = 50 + Math.min(label.length, legendMaxChars) * 7
    if (used > 0 && used + entry > widthPx) {
      lines++
      used = 0
    }
    used += entry
  }
  return lines * 22 + 8
}

const legendMaxChars = 40

/** A legend whose entries are the names of series; `labels` says how each reads. */
export function legendOf(labels: ReadonlyMap<string, string>): NonNullable<ChartOption['legend']> {
  return {
    show: true,
    top: 0,
    left: 'left',
    type: 'plain',
    itemWidth: 24,
    data: [...labels.keys()],
    formatter: (name: string) => cut(labels.get(name) ?? name, legendMaxChars),
    textStyle: { color: textColor, fontSize: fontSizePx },
  }
}

/** A key as it is shown: what would be invisible is not. */
export function shown(value: Scalar): string {
  if (value === null) return '(none)'
  return value === '' ? '""' : visible(String(value))
}

/** A text of at most so many characters. */
function cut(label: string, most: number): string {
  const characters = [...label]
  return characters.length <= most ? label : `${characters.slice(0, most - 1).join('')}…`
}
