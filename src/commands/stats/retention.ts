/** `ea stats retention`: see `lib/stats/retention.ts`. */
import { statCommand } from '../../lib/cli/stat-command.js'
import { retentionStat } from '../../lib/stats/retention.js'

export default statCommand(retentionStat)
