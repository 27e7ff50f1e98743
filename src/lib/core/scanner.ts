/**
 * A place in a text that is read from left to right, and the error for what cannot stand there: the ground of the
 * grammar of segments, which knows nothing about fields and operators.
 */
import { textWidth } from './text-width.js'

/** Why a text cannot be read, and where; the message says what was expected there. */
export class SyntaxProblem extends Error {
  readonly text: string
  /** Of the character that cannot stand there; from 0, the length of the text when something is missing at its end. */
  readonly position: number
  /** What was probably meant; it can be read. */
  readonly suggestion: string | undefined
  /** The whole text with the suggestion in it, where that is known; more may be wrong with it. */
  readonly corrected: string | undefined

  constructor(message: string, text: string, position: number, suggestion?: string, corrected?: string) {
    super(message)
    this.name = 'SyntaxProblem'
    this.text = text
    this.position = position
    this.suggestion = suggestion
    this.corrected = corrected
  }
}

/** The text of a problem and, below it, a mark under its character: two lines, both indented by two blanks. */
export function pointAt(problem: SyntaxProblem): string {
  // A line break or an escape sequence would move the mark away from its character.
  const line = problem.text.replace(/[\s\p{Cc}\p{Cs}]/gu, ' ')
  return `  ${line}\n  ${' '.repeat(textWidth(line.slice(0, problem.position)))}^`
}

export class TextScanner {
  /** Of the character that is read next. */
  at = 0
  readonly text: string

  /** @throws SyntaxProblem for what no stored text can hold */
  constructor(text: string) {
    this.text = text
    const unstorable = text.search(/[\0\p{Cs}]/u)
    if (unstorable >= 0) throw this.problem('expected text without NUL and without half a surrogate pair', unstorable)
  }

  isAtEnd(): boolean {
    return this.at === this.text.length
  }

  isAt(char: string): boolean {
    return this.text[this.at] === char
  }

  /** Whether a sticky pattern matches here. */
  sees(pattern: RegExp): boolean {
    pattern.lastIndex = this.at
    return pattern.test(this.text)
  }

  /** Moves after what a sticky pattern matches here. */
  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)?.[0]
    if (found !== undefined) this.at += found.length
    return found
  }

  skipBlanks(): void {
    this.take(/\s*/y)
  }

  /** Moves after the text in double quotes that begins here, and gives it with doubled quotes made single. */
  quoted(): string {
    const opening = this.at
    let text = ''
    for (let from = opening + 1; ; ) {
      const end = this.text.indexOf('"', from)
      if (end < 0) throw this.problem('expected a closing quote for this one', opening)
      text += this.text.slice(from, end)
      if (this.text[end + 1] !== '"') {
        this.at = end + 1
        return text
      }
      text += '"'
      from = end + 2
    }
  }

  mustEnd(expected: string): void {
    this.skipBlanks()
    if (!this.isAtEnd()) throw this.problem(expected)
  }

  problem(message: string, at = this.at, suggestion?: string, corrected?: string): SyntaxProblem {
    return new SyntaxProblem(message, this.text, at, suggestion, corrected)
  }
}
