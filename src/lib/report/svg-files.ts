/** The charts of a report as files of their own: SVG that stands alone, in the colours of the light theme. */
import { chartSvg, standaloneSvg } from '../present/svg/chart.js'
import type { Report } from './report.js'

const chartWidth = 880

/**
 * A picture for each section that has data.
 *
 * @returns names without folders, such as `active-users.svg`, and what goes into them
 */
export async function reportPictures({ sections }: Report): Promise<{ name: string; svg: string }[]> {
  const pictures: { name: string; svg: string }[] = []
  for (const { id, title, result } of sections) {
    if (result.data.length === 0) continue
    pictures.push({ name: `${id}.svg`, svg: standaloneSvg(await chartSvg(result, { width: chartWidth, title })) })
  }
  return pictures
}
