/**
 * CONTRIBUTING.md lists the files to touch for one more of a kind. Here such a list is compared with the files that name one
 * that exists: a file that is missing in the list, and one in the list that does not need to be touched, are both faults.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'

interface Kind {
  /** How its section begins. */
  readonly title: string
  /** Whether a word of the code (a string, the name of a property, a module that is imported) names one of the examples. */
  readonly names: (word: string) => boolean
  /** Files that use the same word for something else. */
  readonly others?: readonly string[]
}

const kinds: readonly Kind[] = [
  { title: 'a stat', names: (word) => word === 'top-events' || word.endsWith('/top-events.js') },
  { title: 'an import format', names: (word) => /^(tsv|json-array)$|\.tsv\b/.test(word) },
  { title: 'a route', names: (word) => word === '/collect' || word.endsWith('/collect-routes.js') },
  {
    title: 'an aggregate of checks',
    names: (word) => word === 'sum' || word === 'any',
    others: [
      'src/lib/serve/openapi/parameters.ts',
      // Aggregates of a property.
      'src/lib/stats/measures/measure-sql.ts',
      'src/lib/stats/measures/measure.ts',
      'src/lib/stats/measures/params.ts',
    ],
  },
  {
    title: 'an output format',
    names: (word) => word === 'md' || word === './markdown.js',
    // Those of `ea check` and `ea report`, which have lists of their own.
    others: [
      'src/lib/checks/reporters/github.ts',
      'src/lib/checks/reporters/markdown.ts',
      'src/lib/checks/reporters/reporters.ts',
      'src/lib/report/markdown.ts',
      'src/lib/cli/answers/report-output.ts',
    ],
  },
]

const sources = readdirSync('src', { recursive: true })
  .map((name) => join('src', String(name)))
  .filter((path) => path.endsWith('.ts'))

/** Strings, names of properties and modules in the code of a file; comments are not code. */
function wordsOf(path: string): string[] {
  const words: string[] = []
  const visit = (node: ts.Node) => {
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) words.push(node.text)
    if (ts.isPropertyAssignment(node) && ts.isIdentifier(node.name)) words.push(node.name.text)
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest))
  return words
}

const words = new Map(sources.map((path) => [path, wordsOf(path)]))

/** The files of the table after `**title`. */
function listed(title: string): string[] {
  const [, section = ''] = readFileSync('CONTRIBUTING.md', 'utf8').split(`\n**${title}**`)
  const table = section.split(/\n\*\*|\n## /)[0]!
  return [...table.matchAll(/^\| `([^`]+)` \|/gm)].map(([, path]) => path!)
}

test.each(kinds)('CONTRIBUTING lists the files that name $title, and no others', ({ title, names, others = [] }) => {
  const paths = listed(title)
  expect(paths.filter((path) => !existsSync(path))).toEqual([])
  const isFileOfIts = (path: string) => names(`./${path.split('/').at(-1)!.replace(/\.ts$/, '.js')}`)
  const naming = sources.filter((path) => isFileOfIts(path) || words.get(path)!.some(names))
  const found = naming.filter((path) => !others.includes(path))
  expect(paths.filter((path) => path.startsWith('src/')).sort()).toEqual(found.sort())
  expect(others.filter((path) => !naming.includes(path))).toEqual([])
  expect(paths.filter((path) => path.startsWith('test/'))).toHaveLength(1)
})

test('all stats have the files of the list', () => {
  const names = readdirSync('src/lib/stats').filter((name) => name.endsWith('.ts') && name !== 'catalog.ts')
  expect(names.length).toBeGreaterThan(8)
  const paths = names.flatMap((name) => listed('a stat').map((path) => path.replace('top-events', name.slice(0, -3))))
  expect(paths.filter((path) => !existsSync(path))).toEqual([])
})
