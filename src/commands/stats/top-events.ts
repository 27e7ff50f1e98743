/** `ea stats top-events`: see `lib/stats/top-events.ts`. */
import { statCommand } from '../../lib/cli/answers/stat-command.js'
import { topEventsStat } from '../../lib/stats/top-events.js'

export default statCommand(topEventsStat)
