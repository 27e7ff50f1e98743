/**
 * Named places where a test can make the program die, stop or fail: `EA_FAILPOINT=merge.after@3=kill`.
 * Without the variable a failpoint is one comparison. Only tests set it; what it proves is in `test/import/kill.test.ts`.
 */

type Action = 'kill' | 'stop' | 'error'

interface Armed {
  readonly name: string
  /** Acts on this pass, counted from 1. */
  readonly pass: number
  readonly action: Action
}

let armed: Armed | null | undefined
let passes = 0

/**
 * Dies here (`kill` = SIGKILL, `stop` = SIGSTOP, `error` = throws) when EA_FAILPOINT names this place.
 *
 * @param name what just happened or is about to: `complete.locked`
 * @example
 * failpoint('copy.started') // EA_FAILPOINT=copy.started@2=kill dies on the second pass
 */
export function failpoint(name: string): void {
  if (armed === undefined) armed = parse(process.env.EA_FAILPOINT)
  if (armed === null || armed.name !== name) return
  passes += 1
  if (passes !== armed.pass) return
  if (armed.action === 'kill') process.kill(process.pid, 'SIGKILL')
  else if (armed.action === 'stop') process.kill(process.pid, 'SIGSTOP')
  else throw new Error(`failpoint ${name}`)
}

function parse(text: string | undefined): Armed | null {
  const match = /^([\w.-]+)(?:@(\d+))?=(kill|stop|error)$/.exec(text ?? '')
  return match ? { name: match[1]!, pass: Number(match[2] ?? 1), action: match[3] as Action } : null
}
