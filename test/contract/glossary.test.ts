/**
 * One word, one meaning: the name of an exported type is declared once in src/lib, and no exported name has a word of the list
 * below, for which the field has a standard one.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'

/** Words that a reader from outside would have to learn, each with the one to take. */
const privateWords: Readonly<Record<string, string>> = {
  asking: 'question, query',
  away: 'unavailable',
  behind: 'after',
  bury: 'dead letter',
  dear: 'expensive',
  frame: 'query context, axes',
  growth: 'increment',
  judge: 'validate, evaluate',
  judgement: 'evaluation',
  judging: 'validation, evaluation',
  lean: 'depend',
  leaning: 'dependent',
  ledger: 'counts',
  mend: 'fix, recover',
  outlet: 'output',
  pictures: 'SVG files, charts',
  pour: 'write',
  poured: 'written',
  refusal: 'rejection, error',
  settle: 'finish',
  settled: 'result',
  sheet: 'layout',
  trust: 'validation mode',
  wary: 'bisect',
}

/** Exported names that have such a word all the same, by file. */
const namesAllowed: Readonly<Record<string, readonly [name: string, why: string][]>> = {
  'cli/answers/export-output.ts': [['withOutlet', 'opens a file or stdout; no shorter word is free of a meaning']],
  'cli/answers/report-output.ts': [['writePictures', 'of a report in Markdown, whose links call them pictures']],
  'cli/command-line-fault.ts': [['withoutFrame', 'takes off what oclif prints around its messages']],
  'import/rejects-file.ts': [['RejectsFrame', 'what encloses the records: a header, the brackets of an array']],
  'present/svg/axes.ts': [
    ['Frame', 'the rectangle of a plot'],
    ['FrameOptions', 'the rectangle of a plot'],
    ['frameOf', 'the rectangle of a plot'],
  ],
  'present/terminal-charts/axes.ts': [['Frame', 'the rectangle of a plot']],
  'report/asking.ts': [['Asking', 'the questions of a report, before they are answered']],
  'report/style.ts': [['styleSheet', 'the standard word of CSS']],
  'report/svg-files.ts': [['reportPictures', 'of a report in Markdown, whose links call them pictures']],
  'serve/page/browser/api.ts': [['Refusal', 'an answer of the server that is an error']],
  'serve/page/browser/error-box.ts': [['refusalBox', 'shows such an answer']],
  'serve/page/browser/url-state.ts': [['frameOf', 'the range and grain that the address names']],
  'stats/retention/rows.ts': [['dayBehindData', 'the first day after the data']],
}

/** Types that are declared twice, and the files of each. */
const typesAllowed: Readonly<Record<string, readonly [files: readonly string[], why: string]>> = {
  Answer: [['serve/route.ts', 'stats/query/stat.ts'], 'one is of HTTP, the other the typed Result of a stat'],
  Cell: [['core/result.ts', 'serve/page/browser/panels/data-table.ts'], 'a value, and how the page shows one'],
  ChartOptions: [['present/svg/chart.ts', 'present/terminal-charts/size.ts'], 'a width in pixels, and one in columns'],
  Frame: [['present/svg/axes.ts', 'present/terminal-charts/axes.ts'], 'in pixels, and in columns and lines'],
  LegendEntry: [['present/svg/axes.ts', 'present/terminal-charts/legend.ts'], 'a colour, and a mark'],
  Problem: [['serve/page/browser/answers.ts', 'serve/problem-details.ts'], 'as it is received, and as it is sent'],
  Reader: [
    ['load/mapping/expression-reader.ts', 'load/sql/expression-sql.ts'],
    'reads the text of an expression, and the value of a source in SQL',
  ],
}

interface Exported {
  readonly name: string
  readonly file: string
  readonly isType: boolean
}

const root = 'src/lib'
const exported = readdirSync(root, { recursive: true })
  .map(String)
  .filter((file) => file.endsWith('.ts'))
  .flatMap(exportedFrom)

function exportedFrom(file: string): Exported[] {
  const source = ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.Latest)
  return source.statements.flatMap((node) => {
    const modifiers = (ts.canHaveModifiers(node) && ts.getModifiers(node)) || []
    if (!modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return []
    const isType = ts.isTypeAliasDeclaration(node) || ts.isInterfaceDeclaration(node) || ts.isClassDeclaration(node)
    return declaredBy(node).map((name) => ({ name, file, isType }))
  })
}

function declaredBy(node: ts.Statement): string[] {
  if (ts.isVariableStatement(node)) {
    return node.declarationList.declarations.flatMap(({ name }) => (ts.isIdentifier(name) ? [name.text] : []))
  }
  const { name } = node as { name?: ts.Node }
  return name !== undefined && ts.isIdentifier(name) ? [name.text] : []
}

const wordsOf = (name: string) => name.split(/_|(?<=[a-z0-9])(?=[A-Z])/).map((word) => word.toLowerCase())

test('an exported type is declared once', () => {
  const files = new Map<string, string[]>()
  for (const { name, file } of exported.filter(({ isType }) => isType)) {
    files.set(name, [...new Set([...(files.get(name) ?? []), file])])
  }
  expect(files.size).toBeGreaterThan(200)
  const twice = [...files].filter(
    ([name, all]) => all.length > 1 && !all.every((file) => typesAllowed[name]?.[0].includes(file)),
  )
  expect(twice).toEqual([])
})

test('no exported name has a private word', () => {
  const isAllowed = ({ name, file }: Exported) => (namesAllowed[file] ?? []).some(([allowed]) => allowed === name)
  const wrong = exported
    .filter((one) => !isAllowed(one))
    .flatMap(({ name, file }) =>
      wordsOf(name)
        .filter((word) => Object.hasOwn(privateWords, word))
        .map((word) => `${file}: ${name} (for "${word}": ${privateWords[word]})`),
    )
  expect(wrong).toEqual([])
})

test('every exception is still needed', () => {
  const isExported = (name: string, file: string) => exported.some((one) => one.name === name && one.file === file)
  const names = Object.entries(namesAllowed).flatMap(([file, all]) => all.map(([name]) => [name, file] as const))
  const types = Object.entries(typesAllowed).flatMap(([name, [files]]) => files.map((file) => [name, file] as const))
  expect([...names, ...types].filter(([name, file]) => !isExported(name, file))).toEqual([])
})
