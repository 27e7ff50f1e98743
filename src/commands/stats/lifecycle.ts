/** `ea stats lifecycle`: see `lib/stats/lifecycle.ts`. */
import { statCommand } from '../../lib/cli/answers/stat-command.js'
import { lifecycleStat } from '../../lib/stats/lifecycle.js'

export default statCommand(lifecycleStat)
