/**
 * Named places where a test can make the program die, stop or fail: `EA_FAILPOINT=merge.started@3=kill`.
 * Without the variable a failpoint is one comparison. Only tests set it; what it proves is in `test/import/robustness/kill.proof.test.ts`.
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
  if (armed === undefined) armFailpoint(process.env.EA_FAILPOINT)
  if (armed === null || armed!.name !== name) return
  const { pass, action } = armed!
  passes += 1
  if (passes !== pass) return
  if (action === 'kill') process.kill(process.pid, 'SIGKILL')
  else if (action === 'stop') process.kill(process.pid, 'SIGSTOP')
  else throw new Error(`failpoint ${name}`)
}

/**
 * Says inside this process what EA_FAILPOINT says from outside, and counts passes from 0 again.
 *
 * @param text `merge.started@3=error`; undefined disarms
 */
export function armFailpoint(text: string | undefined): void {
  armed = parse(text)
  passes = 0
}

function parse(text: string | undefined): Armed | null {
  const match = /^([\w.-]+)(?:@(\d+))?=(kill|stop|error)$/.exec(text ?? '')
  return match ? { name: match[1]!, pass: Number(match[2] ?? 1), action: match[3] as Action } : null
}
