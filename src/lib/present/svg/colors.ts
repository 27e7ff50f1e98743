/**
 * The colours of charts. A chart names CSS variables only, so that one SVG suits a light and a dark page; the page gives
 * them these values. Marks have a contrast of 3 to their background at least, texts 4.5 (test/present/svg/colors.test.ts).
 */

/** How many colours tell series apart; more series begin again, with other dashes. */
export const seriesColors = 10
/** How many steps the graded colour has, for what has an order. */
const gradeSteps = 8

export type Theme = 'light' | 'dark'

const values: Record<Theme, Readonly<Record<string, string>>> = {
  light: {
    '--chart-background': '#ffffff',
    '--chart-text': '#1f2933',
    '--chart-muted': '#52606d',
    '--chart-grid': '#e4e7eb',
    '--chart-axis': '#9aa5b1',
    '--chart-lost': '#7b8794',
    ...numbered('--chart-', '#1d5fa8 #c2410c #0f766e #7c3aed #946200 #be185d #4d7c0f #475569 #0e7490 #9f1239'),
    ...numbered('--chart-grade-', '#6f8fcf #5b7fc4 #476fb8 #375fab #2b4f9b #223f87 #1b3070 #142257'),
  },
  dark: {
    '--chart-background': '#14181d',
    '--chart-text': '#e4e7eb',
    '--chart-muted': '#a7b1bc',
    '--chart-grid': '#2b323a',
    '--chart-axis': '#66717d',
    '--chart-lost': '#7f8b98',
    ...numbered('--chart-', '#6ea8f0 #fb923c #2dd4bf #b794f6 #facc15 #f472b6 #a3e635 #a7b4c4 #22d3ee #fb7185'),
    ...numbered('--chart-grade-', '#5573b8 #6584c6 #7796d4 #8aa8e0 #9fbaea #b4cbf2 #cadcf8 #e1ecfd'),
  },
}

function numbered(prefix: string, colors: string): Record<string, string> {
  return Object.fromEntries(colors.split(' ').map((color, index) => [`${prefix}${index + 1}`, color]))
}

/**
 * The variables of a theme with their values, for the style sheet of a page.
 *
 * @example
 * chartVariables('dark')['--chart-1'] // '#6ea8f0'
 */
export function chartVariables(theme: Theme): Readonly<Record<string, string>> {
  return values[theme]
}

export const textColor = 'var(--chart-text)'
export const mutedColor = 'var(--chart-muted)'
export const gridColor = 'var(--chart-grid)'
export const axisColor = 'var(--chart-axis)'
export const lostColor = 'var(--chart-lost)'
export const backgroundColor = 'var(--chart-background)'

/** The colour of a series, by its place from 0 on. */
export function seriesColor(index: number): string {
  return `var(--chart-${(index % seriesColors) + 1})`
}

/** The graded colour of one of several things in order. */
export function gradeColor(index: number, count: number): string {
  const step = count < 2 ? gradeSteps : 1 + Math.round((index / (count - 1)) * (gradeSteps - 1))
  return `var(--chart-grade-${step})`
}
