/** `ea stats wau`: see `lib/stats/wau.ts`. */
import { statCommand } from '../../lib/cli/answers/stat-command.js'
import { wauStat } from '../../lib/stats/wau.js'

export default statCommand(wauStat)
