/** `ea stats funnel`: see `lib/stats/funnel.ts`. */
import { statCommand } from '../../lib/cli/answers/stat-command.js'
import { funnelStat } from '../../lib/stats/funnel.js'

export default statCommand(funnelStat)
