/** Puts figures into docs/benchmarks.md, each kind between its own markers; the text around them is written by hand. */
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const path = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url))

/**
 * Replaces what stands between `<!-- name -->` and `<!-- /name -->`.
 *
 * @throws Error when the document lacks the markers
 */
export async function writeFigures(name: string, text: string): Promise<void> {
  const document = await readFile(path, 'utf8')
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const [from, to] = [document.indexOf(begin), document.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`docs/benchmarks.md has no place ${begin} … ${end}`)
  await writeFile(path, `${document.slice(0, from + begin.length)}\n${text.trim()}\n${document.slice(to)}`)
}
