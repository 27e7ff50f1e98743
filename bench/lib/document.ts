/** Puts figures into docs/benchmarks.md, each kind between its own markers; the text around them is written by hand. */
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const path = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url))

/**
 * Replaces what stands between `<!-- name -->` and `<!-- /name -->`. A size that was not measured before has no such place
 * yet: it gets a section of its own before `<!-- more AREA -->`, AREA being the first word of the name.
 *
 * @param heading of that section
 * @throws Error when the document has neither place
 */
export async function writeFigures(name: string, text: string, heading: string): Promise<void> {
  const document = await readFile(path, 'utf8')
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const figures = `${begin}\n${text.trim()}\n${end}`
  const [from, to] = [document.indexOf(begin), document.indexOf(end)]
  if (from >= 0 && to > from) {
    await writeFile(path, `${document.slice(0, from)}${figures}${document.slice(to + end.length)}`)
    return
  }
  const more = `<!-- more ${name.split(' ')[0]} -->`
  if (!document.includes(more)) throw new Error(`docs/benchmarks.md has neither ${begin} … ${end} nor ${more}`)
  await writeFile(
    path,
    document.replace(more, () => `### ${heading}\n\n${figures}\n\n${more}`),
  )
}
