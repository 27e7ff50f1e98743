/**
 * Where a field comes from, as a tree: names, constants, and what is made of them. `S` is a name as a person gives it or
 * as it was found in a source; a plain name is a tree of its own, so most mappings are nothing but names.
 */

/** A source as a person names it. */
export interface SourceName {
  /** The whole name: of a column, as in the header. */
  readonly name: string
  /** Its parts between dots: for JSON the keys from the outside in. */
  readonly path: readonly string[]
}

/** `'…'`: the same text for every record. */
export interface Constant {
  readonly kind: 'constant'
  readonly text: string
}

/**
 * `pairs(x)`: an array of `{key, value}` (or an object whose values say their type) as a plain object; `pairs(keys, values)`:
 * two arrays side by side. With `path` one member of it.
 */
export interface Pairs<S> {
  readonly kind: 'pairs'
  readonly keys: S
  readonly values?: S
  readonly path?: readonly string[]
}

/** `word(a, 2)`: one of the words of a text, which blanks separate. */
interface Word<S> {
  readonly kind: 'word'
  readonly of: S
  /** Counts from 1. */
  readonly number: number
}

/** `a + '-' + b`: texts joined; null when one is not set. */
interface Joined<S> {
  readonly kind: 'join'
  readonly parts: readonly Expression<S>[]
}

/** `(a | b)`: the first that is set, inside something larger. */
interface First<S> {
  readonly kind: 'first'
  readonly of: readonly Expression<S>[]
}

/** `[a, b, rest]`, of properties: objects merged, the earlier wins. */
export interface Merged<S> {
  readonly kind: 'merge'
  readonly parts: readonly (Expression<S> | Rest)[]
}

/** What is left over of a record. */
export interface Rest {
  readonly kind: 'rest'
}

export type Expression<S> = S | Constant | Pairs<S> | Word<S> | Joined<S> | First<S> | Merged<S> | Rest

/** Anything that is a name. */
type Name = { readonly name: string }

/** Whether an expression is nothing but a name. */
export const isName = <S extends Name>(expression: Expression<S>): expression is S =>
  !('kind' in (expression as object))

/** The names in an expression, from left to right. */
export function namesIn<S extends Name>(expression: Expression<S>): readonly S[] {
  if (isName(expression)) return [expression]
  switch (expression.kind) {
    case 'constant':
    case 'rest':
      return []
    case 'word':
      return [expression.of]
    case 'pairs':
      return [expression.keys, ...(expression.values === undefined ? [] : [expression.values])]
    case 'first':
      return expression.of.flatMap(namesIn)
    default:
      return expression.parts.flatMap((part) => namesIn<S>(part))
  }
}

/** The names in several expressions. */
export const allNames = <S extends Name>(expressions: readonly Expression<S>[]): readonly S[] =>
  expressions.flatMap((expression) => namesIn(expression))

/** The same expression with other names. */
export function renamed<S extends Name, T extends Name>(
  expression: Expression<S>,
  rename: (name: S) => T,
): Expression<T> {
  if (isName(expression)) return rename(expression)
  switch (expression.kind) {
    case 'constant':
    case 'rest':
      return expression
    case 'word':
      return { ...expression, of: rename(expression.of) }
    case 'pairs': {
      const { keys, values, ...rest } = expression
      return { ...rest, keys: rename(keys), ...(values === undefined ? {} : { values: rename(values) }) }
    }
    case 'first':
      return { kind: 'first', of: expression.of.map((one) => renamed(one, rename)) }
    default:
      return {
        kind: expression.kind,
        parts: expression.parts.map((part) => renamed<S, T>(part, rename)),
      } as Expression<T>
  }
}

/** The list that properties are merged from; undefined when they come from one object, or from none. */
export function mergedParts<S extends Name>(properties: readonly Expression<S>[]): Merged<S>['parts'] | undefined {
  const [only] = properties
  return only !== undefined && !isName(only) && only.kind === 'merge' ? only.parts : undefined
}

/** Whether what is left over of a record becomes properties. */
export function keepsRest(properties: readonly Expression<Name>[]): boolean {
  return mergedParts(properties)?.some((part) => !isName(part) && part.kind === 'rest') ?? true
}
