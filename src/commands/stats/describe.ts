/** `ea stats describe`: see `lib/stats/describe.ts`. */
import { statCommand } from '../../lib/cli/answers/stat-command.js'
import { describeStat } from '../../lib/stats/describe.js'

export default statCommand(describeStat)
