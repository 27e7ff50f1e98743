/** What is said of a command that does not exist: the command that was probably meant, else the commands there are. */
import { EaError } from '../core/errors.js'
import { nearest } from '../core/nearest.js'

/**
 * The error for words that name no command.
 *
 * @param words as they were typed, without flags
 * @param commands all that there are, each with blanks between its words
 * @example
 * unknownCommand(['stats', 'duu'], ['stats dau', 'import']).suggestions[0] // 'Did you mean `ea stats dau`?'
 */
export function unknownCommand(words: readonly string[], commands: readonly string[]): EaError {
  const topic = commands.some((name) => name.startsWith(`${words[0]} `)) ? words[0] : undefined
  const asked = words.slice(0, topic === undefined ? 1 : 2).join(' ')
  const meant = meantBy(words, topic, commands)
  return new EaError('usage', `There is no command "${asked}".`, {
    suggestions:
      meant.length > 0
        ? [`Did you mean ${meant.map((name) => `\`ea ${name}\``).join(' or ')}?`, seeAll(topic)]
        : [`The commands are ${listOf(topic, commands)}.`, seeAll(topic)],
  })
}

/** Below a topic only its own commands count: the topic was written right. */
function meantBy(words: readonly string[], topic: string | undefined, commands: readonly string[]): readonly string[] {
  const word = words[topic === undefined ? 0 : 1] ?? ''
  if (topic !== undefined) {
    const near = nearest(word, childrenOf(topic, commands))
    return near === undefined ? [] : [`${topic} ${near}`]
  }
  const near = nearest(word, [...new Set(commands.flatMap((name) => name.split(' ')))])
  if (near === undefined) return []
  const heads = new Set(commands.map((name) => name.split(' ')[0]!))
  // A mistyped topic comes with the rest of what was typed, when there is such a command.
  if (heads.has(near)) return [commands.find((name) => name === [near, ...words.slice(1)].join(' ')) ?? near]
  return commands.filter((name) => name.split(' ')[1] === near)
}

function childrenOf(topic: string, commands: readonly string[]): readonly string[] {
  return commands.flatMap((name) => {
    const [head, child] = name.split(' ')
    return head === topic && child !== undefined ? [child] : []
  })
}

function listOf(topic: string | undefined, commands: readonly string[]): string {
  if (topic === undefined) return [...new Set(commands.map((name) => name.split(' ')[0]!))].sort().join(', ')
  return commands.filter((name) => name.startsWith(`${topic} `)).join(', ')
}

function seeAll(topic: string | undefined): string {
  return `Run \`ea ${topic === undefined ? '' : `${topic} `}--help\` to see what each does.`
}
