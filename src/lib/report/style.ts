/** The style sheet of a report in HTML: light and dark as the reader's system is, and plain on paper. */
import { chartVariables, type Theme } from '../present/svg/colors.js'
import { heatTiles } from './heat-colors.js'

const own: Record<Theme, Readonly<Record<string, string>>> = {
  light: { '--ground': '#f5f7fa', '--better': '#0b6b3a', '--worse': '#a61b1b' },
  dark: { '--ground': '#0d1013', '--better': '#5fd39a', '--worse': '#ff9b93' },
}

function variables(theme: Theme): string {
  return Object.entries({ ...chartVariables(theme), ...own[theme] })
    .map(([name, value]) => `${name}:${value};`)
    .join('')
}

const tiles = heatTiles
  .map(({ background, text }, index) => `.h${index + 1}{background:${background};color:${text}}`)
  .join('\n')

export const styleSheet = `
:root{color-scheme:light dark;${variables('light')}}
@media (prefers-color-scheme:dark){:root{${variables('dark')}}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--chart-text);font:16px/1.5 system-ui,sans-serif;overflow-wrap:break-word}
header,main,footer{max-width:76rem;margin:0 auto;padding:0 1rem}
h1{font-size:1.75rem;line-height:1.2;margin:2rem 0 .25rem}
h2{font-size:1.25rem;margin:0 0 .25rem}
p{margin:.25rem 0}
header p,footer,.about,.card p{color:var(--chart-muted);font-size:.875rem}
section{background:var(--chart-background);border:1px solid var(--chart-grid);border-radius:.5rem;padding:1rem;margin:1rem 0}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(12rem,1fr));gap:1rem}
.card h3{font-size:.875rem;font-weight:600;margin:0}
.card .value{font-size:1.75rem;line-height:1.3;color:var(--chart-text);font-weight:600}
.up{color:var(--better)}.down{color:var(--worse)}
figure{margin:.75rem 0}
svg{display:block;width:100%;min-width:34rem;height:auto}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums;width:100%}
caption{text-align:left;color:var(--chart-muted);padding:.25rem 0}
th,td{padding:.25rem .5rem;text-align:left;border-bottom:1px solid var(--chart-grid);vertical-align:top}
thead th{border-bottom-color:var(--chart-axis)}
thead th{vertical-align:bottom}
tbody th,td{overflow-wrap:anywhere;min-width:6.5em}
.n,.d,.heat td{min-width:0;white-space:nowrap}
.n{text-align:right}
tbody th{font-weight:400}
tfoot th,tfoot td{font-weight:600}
.heat td{text-align:right}
summary{cursor:pointer;color:var(--chart-muted);font-size:.875rem;padding:.25rem 0}
.warnings{border-left:.25rem solid var(--chart-2)}
${tiles}
@media print{
:root{${variables('light')}--ground:#fff}
body{font-size:11pt}
header,main,footer{max-width:none;padding:0}
section{border:0;padding:0}
h2,.about{break-after:avoid}
figure,.cards,.card,tr{break-inside:avoid}
summary,details:not([open]){display:none}
svg{min-width:0}
.scroll{overflow:visible}
table{font-size:7.5pt}
th,td{padding:.1rem .25rem}
tbody th,td{min-width:4.8em}
thead .n,.d{white-space:normal}
.heat td{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
`
