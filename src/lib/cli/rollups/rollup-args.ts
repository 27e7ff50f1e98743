/** The argument of `ea rollups add` and `remove`. */
import { Args } from '@oclif/core'
import type { OnDemandSubject } from '../../rollups/sql/on-demand.js'
import { parseRollupField } from './rollup-field-text.js'

export const rollupArgs = {
  field: Args.custom<OnDemandSubject>({
    description: 'properties.NAME or event_type:NAME, in the words of segments; one or more.',
    multiple: true,
    ignoreStdin: true,
    parse: async (text) => parseRollupField(text),
  })({ required: true, multiple: true }),
}
