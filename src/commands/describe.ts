/** `ea describe [EVENT_TYPE]`: `ea stats describe` with its event type as an argument. */
import { Args } from '@oclif/core'
import { statCommand } from '../lib/cli/answers/stat-command.js'
import { describeStat } from '../lib/stats/describe.js'

export default statCommand(describeStat, {
  eventType: Args.string({ name: 'EVENT_TYPE', description: 'Only this event type.', ignoreStdin: true }),
})
