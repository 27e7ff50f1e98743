/**
 * A drawing as SVG text. ECharts lays it out and draws it; what it adds for a browser of its own (styles, classes, marks
 * of its data) is taken away, and each mark gets its text instead, so that the picture stands in any page.
 */
import { BarChart, LineChart } from 'echarts/charts'
import { GridComponent, LegendComponent } from 'echarts/components'
import { init, setPlatformAPI, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import { textWidth } from '../../core/text-width.js'
import type { Drawing } from './drawing.js'
import { markupText } from './markup-text.js'

use([BarChart, LineChart, GridComponent, LegendComponent, SVGRenderer])
// There is no browser to measure texts in: as wide as they are in a wide font, so that they never lie over each other.
const widthPerColumn = 0.62
setPlatformAPI({
  measureText: (text, font) => ({
    width: textWidth(text) * widthPerColumn * (Number.parseFloat(/([\d.]+)px/.exec(font ?? '')?.[1] ?? '') || 12),
  }),
})

const fontFamily = 'system-ui, sans-serif'

/** Draws; the size is that of the view box, the picture grows and shrinks with its place. */
export function svgOf(drawing: Drawing, size: { width: number; height: number }, title: string): string {
  const { width, height } = size
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height })
  try {
    chart.setOption({
      animation: false,
      backgroundColor: 'transparent',
      textStyle: { fontFamily },
      ...namedSeries(drawing),
    })
    return cleaned(chart.renderToSVGString({ useViewBox: true }), drawing, size, title)
  } finally {
    chart.dispose()
  }
}

/** Series without a name would share one in the legend. */
function namedSeries({ option }: Drawing): Drawing['option'] {
  const series = [option.series ?? []].flat()
  return { ...option, series: series.map((one, index) => ({ name: `${index}`, ...one })) } as Drawing['option']
}

function cleaned(
  svg: string,
  { tips, description }: Drawing,
  { width, height }: { width: number; height: number },
  title: string,
) {
  const inside = svg
    .slice(svg.indexOf('>') + 1, svg.lastIndexOf('</svg>'))
    .replace(/<style\b[\s\S]*?<\/style>/g, '')
    // Clips of what never leaves its place; their identifiers would meet those of the page.
    .replace(/<defs\b[\s\S]*?<\/defs>/g, '')
    .replace(/ clip-path="[^"]*"/g, '')
    .replace(/<(path|circle|rect|polyline|polygon)\b([^>]*)><\/\1>/g, (_, tag: string, attributes: string) => {
      const datum = /ecmeta_series_index="(\d+)" ecmeta_data_index="(\d+)" ecmeta_ssr_type="chart"/.exec(attributes)
      const tip = datum === null ? undefined : tips[Number(datum[1])]?.[Number(datum[2])]
      const kept = plainAttributes(attributes)
      if (tip === undefined && isUnseen(kept)) return ''
      return tip === undefined ? `<${tag}${kept}/>` : `<${tag}${kept}><title>${markupText(tip)}</title></${tag}>`
    })
    .replace(/<text\b([^>]*)>/g, (_, attributes: string) => `<text${plainAttributes(attributes)}>`)
    .replace(/<g>\s*<\/g>/g, '')
    .replaceAll('&#39;', '&apos;')
    .replace(/\n\s*/g, '\n')
    .trim()
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">\n` +
    `<title>${markupText(title)}</title>\n<desc>${markupText(description)}</desc>\n${inside}\n</svg>\n`
  )
}

/** Attributes without those that only ECharts reads; fonts as attributes, because a strict page allows no inline style. */
function plainAttributes(attributes: string): string {
  return (
    attributes
      .replace(/ ecmeta_\w+="[^"]*"/g, '')
      .replace(/ class="[^"]*"/g, '')
      .replace(/ xml:space="preserve"/g, '')
      // Where ECharts names a colour of its own, nothing is to be seen: insides of lines, grounds of legends.
      .replace(/ fill="(?!var\(|none)[^"]*"/g, ' fill="none"')
      .replace(/ stroke="(?!var\(|none)[^"]*"/g, '')
      .replace(/ style="([^"]*)"/g, (_, style: string) =>
        style
          .split(';')
          .filter((rule) => rule.includes(':'))
          .map((rule) => {
            const [name, value] = [rule.slice(0, rule.indexOf(':')), rule.slice(rule.indexOf(':') + 1)]
            return ` ${name.trim()}="${value.trim()}"`
          })
          .join(''),
      )
  )
}

/** Whether nothing of a shape can be seen: it has neither fill nor stroke, or no length. */
function isUnseen(attributes: string): boolean {
  const isBlank = attributes.includes(' fill="none"') && !attributes.includes(' stroke="')
  return isBlank || / d="(M[-\d. ]*)?"/.test(attributes)
}
