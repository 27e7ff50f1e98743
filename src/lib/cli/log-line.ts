/** A line of the log of `ea serve` that is written before or after the server has its own: of the same form. */

/**
 * A line with its line break.
 *
 * @example
 * logLine('warn', 'No key is required') // '{"level":"warn","time":"…","msg":"No key is required"}\n'
 */
export function logLine(level: 'warn' | 'error', msg: string, fields: Readonly<Record<string, unknown>> = {}): string {
  return `${JSON.stringify({ level, time: new Date().toISOString(), ...fields, msg })}\n`
}
