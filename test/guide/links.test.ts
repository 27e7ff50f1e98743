/** Nobody who reads follows a link to nowhere, and the table of contents of the guide names what is in it. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'

const pages = ['README.md', 'docs/guide.md', 'CONTRIBUTING.md', 'docs/benchmarks.md', 'examples/README.md']

/** A page without its blocks: what stands in them is no link and no heading. */
const proseOf = (path: string) => readFileSync(path, 'utf8').replace(/^```[\s\S]*?^```$/gm, '')
const headingsOf = (path: string) => [...proseOf(path).matchAll(/^#{1,6} (.+)$/gm)].map(([, title]) => title!)
/** As GitHub makes it. */
const anchorOf = (title: string) =>
  title
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')

/** `file#anchor` of each link in a page that leads to a file of this project. */
function targetsOf(path: string): { file: string; anchor: string | undefined }[] {
  return [...proseOf(path).matchAll(/\]\(([^)\s]+)\)|<img src="([^"]+)"/g)]
    .map(([, link, image]) => (link ?? image)!)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [name, anchor] = target.split('#') as [string, string | undefined]
      return { file: name === '' ? path : relative('.', join(dirname(path), name)), anchor }
    })
}

test.each(pages)('%s: every link leads to a file, and to a heading that is in it', (path) => {
  const targets = targetsOf(path)
  expect(targets.length).toBeGreaterThan(0)
  const missing = targets.filter(
    ({ file, anchor }) =>
      !existsSync(file) || (anchor !== undefined && !headingsOf(file).some((title) => anchorOf(title) === anchor)),
  )
  expect(missing).toEqual([])
})

test('the table of contents of the guide has each heading, in order, and no heading stands twice', () => {
  const [, ...headings] = headingsOf('docs/guide.md')
  const contents = proseOf('docs/guide.md').split(/^## /m)[0]!
  expect([...contents.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor)).toEqual(headings.map(anchorOf))
  expect(new Set(headings).size).toBe(headings.length)
})
