/** The flag of commands that change what others may be using: how long to wait for their locks. */
import { Flags } from '@oclif/core'
import { parseDurationMs } from './quantity-flags.js'

export const lockTimeoutFlag = {
  'lock-timeout': Flags.custom<number>({
    description:
      'How long to wait for a lock that another session of the database holds, such as 30s; then exit 75 (default: until it is free).',
    helpValue: 'DURATION',
    parse: async (text) => Math.max(1, parseDurationMs('--lock-timeout', text)),
  })(),
}
