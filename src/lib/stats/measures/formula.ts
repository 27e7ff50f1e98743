/**
 * A number that is worked out of measures: text becomes a tree, and the tree SQL.
 *
 *     formula = term (("+" | "-") term)*      term = factor (("*" | "/") factor)*
 *     factor  = "-" factor | number | name | "(" formula ")"
 */
import { type RawBuilder, sql } from 'kysely'
import { TextScanner } from '../../core/scanner.js'
import { measureName } from './measure.js'

type FormulaNode =
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'name'; readonly name: string; readonly at: number }
  | { readonly kind: 'negative'; readonly of: FormulaNode }
  | { readonly kind: '+' | '-' | '*' | '/'; readonly left: FormulaNode; readonly right: FormulaNode }

/**
 * A formula as it was written and as it was understood. Exported because the type of `trendStat` names it.
 *
 * @public
 */
export interface Formula {
  readonly text: string
  readonly tree: FormulaNode
  /** The names in it and where they first stand. */
  readonly names: ReadonlyMap<string, number>
}

/** Numbers of a thousand digits are multiplied so often at most, and parentheses are so deep. */
const maxOperators = 50

/**
 * Reads a formula.
 *
 * @throws SyntaxProblem
 * @example
 * [...parseFormula('revenue / buyers').names.keys()] // ['revenue', 'buyers']
 */
export function parseFormula(text: string): Formula {
  const reader = new FormulaReader(text)
  const tree = reader.formula()
  reader.mustEnd('expected + - * / or the end')
  return { text: text.trim(), tree, names: reader.names }
}

class FormulaReader extends TextScanner {
  readonly names = new Map<string, number>()
  #operators = 0

  formula(): FormulaNode {
    let left = this.#term()
    for (let sign = this.#sign(/[+-]/y); sign !== undefined; sign = this.#sign(/[+-]/y)) {
      left = { kind: sign as '+' | '-', left, right: this.#term() }
    }
    return left
  }

  #term(): FormulaNode {
    let left = this.#factor()
    for (let sign = this.#sign(/[*/]/y); sign !== undefined; sign = this.#sign(/[*/]/y)) {
      left = { kind: sign as '*' | '/', left, right: this.#factor() }
    }
    return left
  }

  #sign(pattern: RegExp): string | undefined {
    this.skipBlanks()
    const sign = this.take(pattern)
    if (sign !== undefined) this.#count()
    return sign
  }

  #count(): void {
    this.#operators++
    if (this.#operators > maxOperators) throw this.problem(`expected at most ${maxOperators} operators`, this.at - 1)
  }

  #factor(): FormulaNode {
    this.skipBlanks()
    if (this.take(/-/y) !== undefined) {
      this.#count()
      return { kind: 'negative', of: this.#factor() }
    }
    const at = this.at
    if (this.take(/\(/y) !== undefined) {
      this.#count()
      const inner = this.formula()
      this.skipBlanks()
      if (this.take(/\)/y) === undefined) throw this.problem('expected ) for this one', at)
      return inner
    }
    const number = this.take(/\d{1,30}(?:\.\d{1,30})?(?![\d.\w])/y)
    if (number !== undefined) return { kind: 'number', text: number }
    const name = this.take(measureName)
    if (name === undefined) {
      throw this.problem('expected a number, the name of a measure (--let NAME=…) or ( in a formula', at)
    }
    if (this.sees(/\s*\(/y)) {
      throw this.problem(
        `expected the name of a measure: write --let ${name}_1='${name}(…)' and use ${name}_1 here`,
        at,
      )
    }
    if (!this.names.has(name)) this.names.set(name, at)
    return { kind: 'name', name, at }
  }
}

/** Whether a result has no more digits than its measures: only a quotient has others. */
export function isExactFormula(tree: FormulaNode): boolean {
  if (tree.kind === '/') return false
  if (tree.kind === 'number' || tree.kind === 'name') return true
  return tree.kind === 'negative' ? isExactFormula(tree.of) : isExactFormula(tree.left) && isExactFormula(tree.right)
}

/**
 * A formula as an expression of type numeric; null where a part is null, and where it would divide by 0.
 *
 * @param measured the measure of a name, of type numeric
 */
export function formulaSql(tree: FormulaNode, measured: (name: string) => RawBuilder<unknown>): RawBuilder<unknown> {
  switch (tree.kind) {
    case 'number':
      return sql`${tree.text}::numeric`
    case 'name':
      return measured(tree.name)
    case 'negative':
      return sql`(- ${formulaSql(tree.of, measured)})`
    case '/':
      return sql`(${formulaSql(tree.left, measured)} / nullif(${formulaSql(tree.right, measured)}, 0))`
    default: {
      const sign = { '+': sql`+`, '-': sql`-`, '*': sql`*` }[tree.kind]
      return sql`(${formulaSql(tree.left, measured)} ${sign} ${formulaSql(tree.right, measured)})`
    }
  }
}
