/**
 * SVG as text: elements whose attributes and texts are escaped, and how wide a text is at most, because there is no browser
 * here that could measure it.
 */
import type { Result } from '../../core/result.js'
import { cutTo, textWidth } from '../../core/text-width.js'
import { mutedColor } from './colors.js'
import { markupText } from './markup-text.js'

/** What a form draws. */
export interface Drawing {
  /** What a person who does not see it should know. */
  readonly description: string
  /** In pixels. */
  readonly height: number
  /** Its elements, drawn one after the other: a server answers others in between. */
  readonly svg: Iterable<string>
}

/** In pixels; a height that is absent is what suits the form and the number of rows. */
export interface Size {
  readonly width: number
  readonly height?: number
}

/** Draws a Result that has at least one row. */
export type Draw = (result: Result, size: Size) => Drawing

export const fontSizePx = 12
export const fontFamily = 'system-ui, sans-serif'

export type Attributes = Readonly<Record<string, string | number | undefined>>

/** An element; numbers are written with two decimals, and an attribute that is undefined is left out. */
export function element(name: string, attributes: Attributes, inside = ''): string {
  let tag = `<${name}`
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined) continue
    tag += ` ${key}="${typeof value === 'number' ? Math.round(value * 100) / 100 : markupText(value)}"`
  }
  return inside === '' ? `${tag}/>` : `${tag}>${inside}</${name}>`
}

/** A shape that says something when somebody points at it. */
export function mark(name: 'rect' | 'circle', attributes: Attributes, tip: string): string {
  return element(name, attributes, `<title>${markupText(tip)}</title>`)
}

/** A text whose middle is at `y`. */
export function text(
  x: number,
  y: number,
  value: string,
  { anchor, color = mutedColor }: { anchor?: 'middle' | 'end'; color?: string } = {},
): string {
  return element('text', { x, y: y + fontSizePx / 3, 'text-anchor': anchor, fill: color }, markupText(value))
}

// As in DejaVu Sans, which is wider than what most systems have: shares of the size of the font.
const perColumn = 0.64
const moreForWide = 0.36
const moreForCapital = 0.16

/** The pixels that a text takes at most. */
export function textPx(value: string): number {
  const more = (letters: RegExp, share: number) => (value.match(letters)?.length ?? 0) * share
  const wide = more(/[mwMW@%]/g, moreForWide) + more(/[A-LN-VX-Z]|[^\0-\x7f]/gu, moreForCapital)
  return (textWidth(value) * perColumn + wide) * fontSizePx
}

/** The pixels that the widest of some texts takes. */
export function widestPx(values: readonly string[]): number {
  return values.reduce((widest, value) => Math.max(widest, textPx(value)), 0)
}

/** The beginning of a text that fits in so many pixels. */
export function fitted(value: string, px: number): string {
  if (textPx(value) <= px) return value
  let columns = Math.max(1, Math.floor(px / (perColumn * fontSizePx)))
  while (columns > 1 && textPx(cutTo(value, columns, '…')) > px) columns--
  return cutTo(value, columns, '…')
}
