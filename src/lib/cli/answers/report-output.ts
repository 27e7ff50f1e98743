/** Where a report goes: its text to stdout or a file, its charts into a folder. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { EaError } from '../../core/errors.js'
import { throwUnwritable, writeWhole } from '../../os/atomic-file.js'
import type { Report } from '../../report/report.js'

export const reportFormats = ['html', 'md'] as const
export type ReportFormat = (typeof reportFormats)[number]

/** The text of a report. */
export async function reportText(report: Report, format: ReportFormat): Promise<string> {
  if (format === 'md') return (await import('../../report/markdown.js')).reportMarkdown(report)
  return (await import('../../report/html.js')).reportHtml(report)
}

/**
 * Writes the charts of a report, each whole or not at all; the folder is made.
 *
 * @returns the paths
 * @throws EaError `output_unwritable`
 */
export async function writePictures(report: Report, folder: string): Promise<string[]> {
  const { reportPictures } = await import('../../report/svg-files.js')
  const pictures = await reportPictures(report)
  await mkdir(folder, { recursive: true }).catch(throwUnwritable(folder))
  const paths: string[] = []
  for (const { name, svg } of pictures) {
    const path = join(folder, name)
    await writeWhole(path, (partial) => writeFile(partial, svg).catch(throwUnwritable(path)))
    paths.push(path)
  }
  return paths
}

/**
 * The format that the flags ask for.
 *
 * @throws EaError `usage` for `--json` with another one
 */
export function reportFormat(asked: ReportFormat | undefined, json: boolean): ReportFormat {
  if (!json || asked === undefined) return asked ?? reportFormats[0]
  throw new EaError('usage', `--json and --format ${asked} cannot be combined.`, {
    suggestions: [`Leave out --json, or --format ${asked}.`],
  })
}
