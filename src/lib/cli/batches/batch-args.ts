/** The argument of each command that is about one batch, and how many rows a list has. */
import { Args, Flags } from '@oclif/core'
import { parseCount } from '../quantity-flags.js'

export const batchArgs = {
  id: Args.custom<number>({
    description: 'The number of the batch, see `ea batches list`.',
    ignoreStdin: true,
    parse: async (text) => parseCount('The number of a batch', text, { min: 1, max: Number.MAX_SAFE_INTEGER }),
  })({ required: true }),
}

/** How many rows of a list. */
export function limitFlag(description: string, byDefault?: number) {
  const options = { description, helpValue: 'N', ...(byDefault === undefined ? {} : { default: String(byDefault) }) }
  return { limit: Flags.string(options) }
}

/**
 * The flag as a number; undefined when it is not given.
 *
 * @throws EaError `usage`
 */
export function limitOf({ limit }: { limit?: string | undefined }): number | undefined {
  return limit === undefined ? undefined : parseCount('--limit', limit, { min: 1, max: 1_000_000_000 })
}
