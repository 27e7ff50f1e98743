/**
 * Every link of a page leads somewhere, a function named beside a link is in that file, and the table of contents of the guide
 * names what is in it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'

const pages = ['README.md', 'CONTRIBUTING.md', 'examples/README.md'].concat(
  readdirSync('docs', { recursive: true })
    .map((name) => join('docs', String(name)))
    .filter((path) => path.endsWith('.md')),
)

/** A page without its blocks: what is in them is not a link or a heading. */
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
  const missing = targets.filter(
    ({ file, anchor }) =>
      !existsSync(file) || (anchor !== undefined && !headingsOf(file).some((title) => anchorOf(title) === anchor)),
  )
  expect(missing).toEqual([])
})

/** The functions, classes, methods, variables and properties that a file declares. */
function declaredIn(path: string): Set<string> {
  const names = new Set<string>()
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest)
  const visit = (node: ts.Node) => {
    const { name } = node as { name?: ts.Node }
    const isDeclared =
      ts.isFunctionDeclaration(node) ||
      ts.isClassDeclaration(node) ||
      ts.isMethodDeclaration(node) ||
      ts.isVariableDeclaration(node)
    if (isDeclared && name !== undefined && ts.isIdentifier(name)) names.add(name.text)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return names
}

/** Each `[file.ts](path), `name`` of a page. */
const namedBeside = (path: string) =>
  [...proseOf(path).matchAll(/\]\(([^)\s]+\.ts)\),\s+`([\w$]+)`/g)].map(([, target, name]) => ({
    file: relative('.', join(dirname(path), target!)),
    name: name!,
  }))

test('a function that is named beside a link is declared in that file', () => {
  const named = pages.flatMap(namedBeside)
  expect(named.length).toBeGreaterThan(25)
  expect(named.filter(({ file, name }) => !declaredIn(file).has(name))).toEqual([])
})

test('each folder of src/lib has a file to read first, whose header has the line of its data flow', () => {
  const rows = readFileSync('docs/architecture.md', 'utf8').match(/^\| [\w, ]+ \| `[^\n]*\.ts\) \|$/gm) ?? []
  const first = rows.map((row) => ({
    folder: /`([\w/]+)\/`/.exec(row)![1]!,
    file: /\]\(\.\.\/(\S+)\)/.exec(row)![1]!,
  }))
  const folders = readdirSync('src/lib', { withFileTypes: true }).filter((entry) => entry.isDirectory())
  expect(first.map(({ folder }) => folder).sort()).toEqual(folders.map(({ name }) => name).sort())
  for (const { folder, file } of first) {
    expect(file).toMatch(new RegExp(`^src/lib/${folder}/`))
    const [header] = /^\/\*\*[\s\S]*?\*\//.exec(readFileSync(file, 'utf8'))!
    expect(header, file).toMatch(/^ \* {3}\S.* ─ .*$/m)
  }
})

test('the table of contents of the guide has each heading, in order, and no heading comes twice', () => {
  const [, ...headings] = headingsOf('docs/guide.md')
  const contents = proseOf('docs/guide.md').split(/^## /m)[0]!
  expect([...contents.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor)).toEqual(headings.map(anchorOf))
  expect(new Set(headings).size).toBe(headings.length)
})
