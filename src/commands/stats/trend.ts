/** `ea stats trend`: see `lib/stats/trend.ts`. */
import { statCommand } from '../../lib/cli/answers/stat-command.js'
import { trendStat } from '../../lib/stats/trend.js'

export default statCommand(trendStat)
