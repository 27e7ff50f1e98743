/** `ea stats retention`: see `lib/stats/retention.ts`. */
import { statCommand } from '../../lib/cli/answers/stat-command.js'
import { retentionStat } from '../../lib/stats/retention.js'

export default statCommand(retentionStat)
