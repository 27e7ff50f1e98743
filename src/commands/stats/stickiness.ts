/** `ea stats stickiness`: see `lib/stats/stickiness.ts`. */
import { statCommand } from '../../lib/cli/answers/stat-command.js'
import { stickinessStat } from '../../lib/stats/stickiness.js'

export default statCommand(stickinessStat)
