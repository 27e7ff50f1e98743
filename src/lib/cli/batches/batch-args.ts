/** The argument of each command that is about one batch. */
import { Args } from '@oclif/core'
import { parseCount } from '../quantity-flags.js'

export const batchArgs = {
  id: Args.custom<number>({
    description: 'The number of the batch, see `ea batches list`.',
    ignoreStdin: true,
    parse: async (text) => parseCount('The number of a batch', text, { min: 1, max: Number.MAX_SAFE_INTEGER }),
  })({ required: true }),
}
