/** Reads the texts of `--map` and `--id-from` from left to right; a mistake is named with its place. The grammar is in map-parser.ts. */
import { EaError } from '../../core/errors.js'
import { type Expression, isName, type Rest, type SourceName } from './expression.js'

const suggestionOf: Readonly<Record<string, string>> = {
  '--id-from': "Write it like --id-from order_id,line or --id-from '*'",
  '--drop': 'Write it like --drop email,context.ip',
  '--types': 'Write it like --types price=number,is_new=boolean',
  '--each': 'Write it like --each data or --each result.events',
  '--columns': 'Write it like --columns time,user,event',
}

const rest: Rest = { kind: 'rest' }

/** Reads a text from left to right and knows where it is. */
export class Reader {
  at = 0
  readonly #flag: string
  readonly #text: string
  /** How many brackets are open. */
  #depth = 0

  constructor(flag: string, text: string) {
    this.#flag = flag
    this.#text = text
  }

  isQuoted(): boolean {
    this.#skipSpaces()
    return this.#text[this.at] === '"'
  }

  takes(char: string): boolean {
    this.#skipSpaces()
    if (this.#text[this.at] !== char) return false
    this.at++
    return true
  }

  /** The alternatives of a field that holds a text. */
  fieldSources(): readonly Expression<SourceName>[] {
    const from = this.at
    const sources = this.#alternatives()
    this.#requireTexts(sources, from)
    return sources
  }

  /** What properties come from: alternatives, or a list that is merged. */
  properties(): readonly Expression<SourceName>[] {
    const from = this.at
    if (!this.takes('[')) {
      const only = this.#isRest()
      if (only) return [{ kind: 'merge', parts: [rest] }]
      const sources = this.#alternatives()
      this.#requireObjects(sources, from)
      return sources
    }
    const parts: (Expression<SourceName> | Rest)[] = []
    this.#depth++
    if (!this.takes(']')) {
      do {
        const at = this.at
        const part = this.#isRest() ? rest : this.one()
        this.#requireObjects([part], at)
        parts.push(part)
      } while (this.takes(','))
      if (!this.takes(']')) throw this.mistake('here comes a comma or ]')
    }
    this.#depth--
    return [{ kind: 'merge', parts }]
  }

  /** Alternatives as one expression. */
  one(): Expression<SourceName> {
    const of = this.#alternatives()
    return of.length === 1 ? of[0]! : { kind: 'first', of }
  }

  path(): SourceName {
    const path = [this.#part()]
    while (this.takes('.')) path.push(this.#part())
    return { name: path.join('.'), path }
  }

  mustEnd(expected: string): void {
    this.#skipSpaces()
    if (this.at < this.#text.length) throw this.mistake(`here comes ${expected}`)
  }

  mistake(what: string, at = this.at): EaError {
    const seen = this.#text.slice(at, at + 20)
    const place = seen === '' ? 'at its end' : `at character ${at + 1} (${seen})`
    return new EaError('usage', `${this.#flag}, ${place}: ${what}`, {
      suggestions: [
        suggestionOf[this.#flag] ??
          'Write it like --map event_id=uuid,user_id=user_id|anonymous_id; "…" around names with , = | + or ., \'…\' around texts',
      ],
      details: { flag: this.#flag, at: at + 1 },
    })
  }

  #alternatives(): Expression<SourceName>[] {
    const of: Expression<SourceName>[] = []
    do of.push(this.#item())
    while (this.takes('|'))
    return of
  }

  #item(): Expression<SourceName> {
    const parts: Expression<SourceName>[] = []
    do parts.push(this.#term())
    while (this.takes('+'))
    return parts.length === 1 ? parts[0]! : { kind: 'join', parts }
  }

  #term(): Expression<SourceName> {
    this.#skipSpaces()
    const from = this.at
    if (this.#text[from] === "'") return { kind: 'constant', text: this.#quoted("'") }
    if (this.#match(/\(/y)) {
      this.#depth++
      const inner = this.one()
      this.#close()
      return inner
    }
    if (this.#match(/word\s*\(/y)) return this.#word()
    if (!this.#match(/pairs\s*\(/y)) return this.path()
    this.#depth++
    const keys = this.path()
    const values = this.takes(',') ? this.path() : undefined
    this.#close()
    const path = this.takes('.') ? this.path().path : undefined
    return { kind: 'pairs', keys, ...(values && { values }), ...(path && { path }) }
  }

  #word(): Expression<SourceName> {
    this.#depth++
    const of = this.path()
    if (!this.takes(',')) throw this.mistake('here comes a comma and the number of the word')
    const from = this.at
    if (!this.#match(/\s*[1-9]\d{0,2}/y)) throw this.mistake('here comes the number of the word, from 1')
    const number = Number(this.#text.slice(from, this.at))
    this.#close()
    return { kind: 'word', of, number }
  }

  #close(): void {
    if (!this.takes(')')) throw this.mistake('here comes )')
    this.#depth--
  }

  /** Properties are objects: texts and what is joined of them are none. */
  #requireObjects(sources: readonly (Expression<SourceName> | Rest)[], from: number): void {
    for (const source of sources) {
      if (isName(source) || source.kind === 'pairs' || source.kind === 'rest') continue
      if (source.kind === 'first') this.#requireObjects(source.of, from)
      else throw this.mistake('properties come from objects: names, pairs(…) and rest', from)
    }
  }

  /** A field is a text, which the whole of an object is not. */
  #requireTexts(sources: readonly Expression<SourceName>[], from: number): void {
    for (const source of sources) {
      if (isName(source)) continue
      if (source.kind === 'first') this.#requireTexts(source.of, from)
      if (source.kind === 'join') this.#requireTexts(source.parts as readonly Expression<SourceName>[], from)
      if (source.kind !== 'pairs' || source.path !== undefined) continue
      throw this.mistake('pairs(…) is an object; a field needs one key of it: pairs(attributes)."user.id"', from)
    }
  }

  #isRest(): boolean {
    return this.#match(/\s*rest(?=\s*(?:[,\]]|$))/y)
  }

  /** Passes over what a sticky pattern finds here. */
  #match(pattern: RegExp): boolean {
    pattern.lastIndex = this.at
    if (!pattern.test(this.#text)) return false
    this.at = pattern.lastIndex
    return true
  }

  #part(): string {
    this.#skipSpaces()
    const from = this.at
    if (this.#text[from] === '"') return this.#quoted('"')
    if (this.#text[from] === "'") throw this.mistake(`'…' is a constant; a name is written "…"`, from)
    // Brackets that a name opens are its own: cs(User-Agent).
    let open = 0
    for (; this.at < this.#text.length; this.at++) {
      const char = this.#text[this.at]!
      if (',|=".+'.includes(char)) break
      if (char === '(' || char === '[') open++
      if (char !== ')' && char !== ']') continue
      if (open === 0 && this.#depth > 0) break
      open--
    }
    const part = this.#text.slice(from, this.at).trimEnd()
    if (part === '') throw this.mistake('a name is missing', from)
    return part
  }

  #quoted(quote: '"' | "'"): string {
    const from = this.at
    const quoted = new RegExp(`${quote}((?:[^${quote}]|${quote}${quote})*)${quote}`, 'y')
    quoted.lastIndex = from
    const found = quoted.exec(this.#text)
    if (!found) throw this.mistake('this quote is never closed', from)
    this.at = quoted.lastIndex
    return found[1]!.replaceAll(quote + quote, quote)
  }

  #skipSpaces(): void {
    while (/\s/.test(this.#text[this.at] ?? '')) this.at++
  }
}
