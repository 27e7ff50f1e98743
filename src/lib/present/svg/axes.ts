/** What is drawn around the marks: axes with their grid and labels, and legends. */
import { type AxisKind, niceScale } from '../charts/scale.js'
import type { Scalar } from '../tables/cell-text.js'
import { human, visible } from '../tables/cell-text.js'
import { axisColor, gridColor, textColor } from './colors.js'
import { element, fitted, text, textPx, widestPx } from './elements.js'

let compact: Intl.NumberFormat | undefined

/** A number for an axis: 950, 1,200, 45K, 1.25M. */
export function axisNumber(value: number): string {
  compact ??= new Intl.NumberFormat('en-US', { notation: 'compact', maximumSignificantDigits: 3 })
  return Math.abs(value) < 10_000 ? human(value, 'count', true) : compact.format(value)
}

/** A share for an axis. */
function axisShare(value: number): string {
  return `${Number((value * 100).toPrecision(6))}%`
}

export interface FrameOptions {
  readonly width: number
  readonly height: number
  /** Room above the marks. */
  readonly top: number
  /** Of the places from left to right; as many of them are written as find room. */
  readonly names: readonly string[]
  /** Of the axis of names. */
  readonly title?: string
  /** The smallest and the largest number, or more. */
  readonly bounds: readonly [number, number]
  readonly kind: AxisKind
  /** Each name has a band, for a bar; otherwise a point, the first and the last at the edges. */
  readonly hasBands?: boolean
}

export interface Frame {
  readonly svg: string
  readonly y: (value: number) => number
  /** The middle of a name's place. */
  readonly x: (index: number) => number
  /** From one name to the next, and what a bar takes of it. */
  readonly stepPx: number
  readonly barPx: number
}

const tickPx = 44
const maxBarPx = 64
const labelGapPx = 12

/** An axis of numbers at the left, and an axis of names below. */
export function frameOf(options: FrameOptions): Frame {
  const { width, height, top, names, title, bounds, kind, hasBands = false } = options
  const bottom = Math.max(top + 1, height - (title === undefined ? 24 : 44))
  const [low, high] = bounds
  const { step } = niceScale(high - low, Math.max(1, Math.floor((bottom - top) / tickPx)), kind)
  const under = Math.ceil(-low / step)
  const above = Math.max(Math.ceil(high / step), under === 0 ? 1 : 0)
  const stepDown = (bottom - top) / (above + under)
  const y = (value: number) => top + (above - value / step) * stepDown
  const ticks = Array.from({ length: above + under + 1 }, (_, index) => {
    const value = (index - under) * step
    return { value, label: kind === 'rate' ? axisShare(value) : axisNumber(Math.abs(value)) }
  })
  // Names are dates or numbers: the longest is the widest.
  const namePx = textPx(names.reduce((longest, name) => (name.length > longest.length ? name : longest), ''))
  const left = Math.max(widestPx(ticks.map(({ label }) => label)) + 10, namePx / 2)
  const right = width - Math.max(16, namePx / 2)
  const edge = hasBands ? 0.5 : 0
  const steps = names.length - 1 + 2 * edge
  const stepPx = (right - left) / Math.max(1, steps)
  const x = (index: number) => (steps === 0 ? (left + right) / 2 : left + (index + edge) * stepPx)
  const every = Math.max(1, Math.ceil((namePx + labelGapPx) / stepPx))
  const across = (value: number) => `M${Math.round(left)} ${Math.round(y(value)) + 0.5}H${Math.round(right)}`
  const svg = [
    element('path', { d: ticks.map(({ value }) => across(value)).join(''), stroke: gridColor }),
    element('path', { d: across(Math.max(0, low)), stroke: axisColor }),
    ...ticks.map(({ value, label }) => text(left - 8, y(value), label, { anchor: 'end' })),
    ...names.flatMap((name, index) =>
      index % every === 0 ? [text(x(index), bottom + 14, name, { anchor: 'middle' })] : [],
    ),
    ...(title === undefined ? [] : [text(width / 2, bottom + 34, fitted(title, width), { anchor: 'middle' })]),
  ].join('\n')
  return { svg, y, x, stepPx, barPx: Math.min(maxBarPx, stepPx * 0.8) }
}

const maxBars = 1000

/** The places of the bars that are drawn: of more than there are pixels the highest of each few neighbours. */
export function highestOf(count: number, width: number, heightOf: (index: number) => number) {
  const every = Math.ceil(count / Math.min(width, maxBars))
  const places: number[] = []
  for (let from = 0; from < count; from += every) {
    let highest = from
    for (let at = from; at < Math.min(count, from + every); at++) if (heightOf(at) > heightOf(highest)) highest = at
    places.push(highest)
  }
  return { places, note: every === 1 ? '' : ` Of every ${every} only the highest is drawn.` }
}

export interface LegendEntry {
  readonly label: string
  readonly color: string
  readonly opacity?: number
  readonly dashes?: string
  /** Of its line; a bar is thick. */
  readonly widthPx?: number
}

const maxLegendPx = 280
const swatchPx = 26

/** A legend at the top, in as many lines as it needs. */
export function legendOf(entries: readonly LegendEntry[], width: number): { svg: string; heightPx: number } {
  let [x, y] = [0, 10]
  const parts = entries.map(({ label, color, opacity, dashes, widthPx = 2 }) => {
    const shownLabel = fitted(label, Math.min(maxLegendPx, width - swatchPx))
    const entryPx = swatchPx + textPx(shownLabel)
    if (x > 0 && x + entryPx > width) [x, y] = [0, y + 20]
    const line = { stroke: color, 'stroke-width': widthPx, 'stroke-dasharray': dashes, opacity }
    const part =
      element('path', { d: `M${x} ${y}h20`, ...line }) + text(x + swatchPx, y, shownLabel, { color: textColor })
    x += entryPx + 16
    return part
  })
  return { svg: parts.join('\n'), heightPx: y + 16 }
}

/** A key as it is shown: what would be invisible is not. */
export function shown(value: Scalar): string {
  if (value === null) return '(none)'
  return value === '' ? '""' : visible(String(value))
}

/** `2025-08-31T06:00:00+03:00` as `08-31 06:00`; a day stays as it is. */
export function shortDate(date: string): string {
  return date.length > 10 ? `${date.slice(5, 10)} ${date.slice(11, 16)}` : date
}
