/**
 * The tiles of a heat map in HTML, after viridis as in the terminal: a fixed scale, so that a rate looks the same in every
 * report; it follows the root of the rate, because most rates of a retention lie below 30%.
 */

/** From low to high; each pair has a contrast of 4.5 at least (test/report/heat-colors.test.ts). */
export const heatTiles: readonly { readonly background: string; readonly text: string }[] = [
  ...['#440154', '#482475', '#414487', '#355f8d', '#2a6f87'].map((background) => ({ background, text: '#ffffff' })),
  ...['#22a884', '#44bf70', '#7ad151', '#bddf26', '#fde725'].map((background) => ({ background, text: '#000000' })),
]

/** The class of a rate: `h1` to `h10`; none for zero. */
export function heatClass(rate: number): string | undefined {
  if (!(rate > 0)) return undefined
  return `h${Math.min(heatTiles.length - 1, Math.floor(Math.sqrt(rate) * heatTiles.length)) + 1}`
}
