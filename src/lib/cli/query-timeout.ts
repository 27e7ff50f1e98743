/** `--query-timeout`: how long a statement of a question may take in the database. */
import { Flags } from '@oclif/core'
import { EaError } from '../core/errors.js'
import { parseDurationMs } from './quantity-flags.js'

export const queryTimeoutFlag = {
  'query-timeout': Flags.string({
    description: 'How long each statement may take in the database, such as 30s or 5m (default: as long as it needs).',
    helpValue: 'DURATION',
  }),
}

const mostMs = 24 * 3_600_000

/**
 * The flag as an option of the library.
 *
 * @throws EaError `usage`
 */
export function queryTimeout(text: string | undefined): { timeoutMs?: number } {
  if (text === undefined) return {}
  const timeoutMs = parseDurationMs('--query-timeout', text)
  if (timeoutMs >= 1 && timeoutMs <= mostMs) return { timeoutMs }
  throw new EaError('usage', `--query-timeout must be 1ms to 24h, not ${JSON.stringify(text)}.`)
}
