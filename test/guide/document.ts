/**
 * Takes a page of the documentation apart: its fenced blocks, the commands in them, what is printed below each. What a
 * reader does not see, HTML comments right before a block, says what to do with one that is not simply run:
 * `<!-- not run: why -->`, `<!-- file: NAME -->` (the block is the content of that file), and
 * `<!-- database: away -->` or `back` (what happens to the database before the block).
 */

/** A command as it stands in a page, and the text that should follow it; null where the page shows none. */
interface Command {
  readonly line: number
  readonly text: string
  readonly output: string | null
}

export type Block =
  | { readonly kind: 'run'; readonly line: number; readonly commands: readonly Command[]; readonly database?: string }
  | { readonly kind: 'file'; readonly line: number; readonly name: string; readonly content: string }
  | { readonly kind: 'not run'; readonly line: number; readonly why: string }
  | { readonly kind: 'unknown'; readonly line: number; readonly language: string }

interface Fence {
  readonly line: number
  readonly language: string
  readonly lines: readonly string[]
  readonly marks: ReadonlyMap<string, string>
}

/**
 * The blocks of a page, in order. A `text` block right after an `sh` block is the output of its last command. A block
 * in another language than `console` and `sh` and without a mark is `unknown`: nothing is left out in silence.
 *
 * @example
 * blocksOf('```console\n$ echo 1\n1\n```')[0] // { kind: 'run', line: 1, commands: [{ text: 'echo 1', output: '1', … }] }
 */
export function blocksOf(page: string): Block[] {
  const blocks: Block[] = []
  let shell: { at: number; commands: readonly Command[] } | undefined
  for (const fence of fencesOf(page)) {
    const { line, language, lines, marks } = fence
    const [why, name, database] = [marks.get('not run'), marks.get('file'), marks.get('database')]
    const before = shell
    shell = undefined
    if (why !== undefined) blocks.push({ kind: 'not run', line, why })
    else if (name !== undefined) blocks.push({ kind: 'file', line, name, content: `${lines.join('\n')}\n` })
    else if (language === 'text' && before) {
      const commands = before.commands.with(-1, { ...before.commands.at(-1)!, output: lines.join('\n') })
      blocks[before.at] = { ...(blocks[before.at] as Block & { kind: 'run' }), commands }
    } else if (language === 'console' || language === 'sh') {
      const commands = language === 'sh' ? scriptOf(lines, line + 1) : sessionOf(lines, line + 1)
      if (language === 'sh') shell = { at: blocks.length, commands }
      blocks.push({ kind: 'run', line, commands, ...(database === undefined ? {} : { database }) })
    } else blocks.push({ kind: 'unknown', line, language })
  }
  return blocks
}

function* fencesOf(page: string): Generator<Fence> {
  const lines = page.split('\n')
  let marks = new Map<string, string>()
  for (let at = 0; at < lines.length; at++) {
    const text = lines[at]!
    const mark = /^<!-- (not run|file|database): (.+) -->$/.exec(text)
    const fence = /^```(.*)$/.exec(text)
    if (mark) marks.set(mark[1]!, mark[2]!)
    else if (/^\s*~~~|^\s+```/.test(text)) throw new Error(`Line ${at + 1}: a block begins with \`\`\` at the margin.`)
    else if (fence) {
      const end = lines.indexOf('```', at + 1)
      if (end < 0) throw new Error(`The block of line ${at + 1} has no end.`)
      yield { line: at + 1, language: fence[1]!, lines: lines.slice(at + 1, end), marks }
      marks = new Map()
      at = end
    } else if (text !== '' && marks.size > 0) {
      throw new Error(`Line ${at}: a mark stands right before its block.`)
    }
  }
}

/** `$ command`, its further lines as long as a quote or a backslash is open, and what it prints. */
function sessionOf(lines: readonly string[], firstLine: number): Command[] {
  const commands: Command[] = []
  for (let at = 0; at < lines.length; ) {
    const line = firstLine + at
    if (!lines[at]!.startsWith('$ ')) throw new Error(`Line ${line}: a console block begins with a command.`)
    let text = lines[at++]!.slice(2)
    while (isOpen(text) && at < lines.length) text += `\n${lines[at++]}`
    const from = at
    while (at < lines.length && !lines[at]!.startsWith('$ ')) at++
    commands.push({ line, text, output: lines.slice(from, at).join('\n') })
  }
  return commands
}

/** The commands of a script; it shows no output. */
function scriptOf(lines: readonly string[], firstLine: number): Command[] {
  const commands: Command[] = []
  for (let at = 0; at < lines.length; ) {
    const line = firstLine + at
    let text = lines[at++]!
    while (isOpen(text) && at < lines.length) text += `\n${lines[at++]}`
    if (text.trim() !== '') commands.push({ line, text, output: null })
  }
  return commands
}

/** Whether a shell would ask for another line: after a backslash, or inside of quotes. */
function isOpen(text: string): boolean {
  let quote = ''
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!
    if (char === '\\' && quote !== "'") at++
    else if (quote === '' && (char === '"' || char === "'")) quote = char
    else if (char === quote) quote = ''
  }
  return quote !== '' || text.endsWith('\\')
}
