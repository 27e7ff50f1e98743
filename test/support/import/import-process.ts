/**
 * One import or undo as a process of its own, for tests that kill and stop it:
 * `import-process '{"url": …, "files": […], "options": {…}}'` prints each event of the import as a line of JSON, then its
 * outcome or its error, and exits with the code of the error.
 */
import { undoBatch } from '../../../src/lib/batches/undo.js'
import { EaError } from '../../../src/lib/core/errors.js'
import { withPool } from '../../../src/lib/db/connect.js'
import { importAgain } from '../../../src/lib/import/again.js'
import { importFiles } from '../../../src/lib/import/import.js'
import type { ImportEvent, ImportOptions } from '../../../src/lib/import/options.js'

/** What the process is asked to do: import files, undo a batch, or import it again. */
export interface ImportTask {
  readonly url: string
  readonly files?: readonly string[]
  readonly options?: Omit<ImportOptions, 'onEvent' | 'signal' | 'stdin'>
  readonly undo?: number
  readonly again?: number
}

const task = JSON.parse(process.argv[2]!) as ImportTask
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`)

try {
  await withPool({ url: task.url, schema: 'ea', maxConnections: (task.options?.jobs ?? 2) + 2 }, async (db) => {
    if (task.undo !== undefined) say({ undone: await undoBatch(db, task.undo) })
    else {
      const options = { ...task.options, onEvent: ({ type }: ImportEvent) => say({ event: type }) }
      const { again, files = [] } = task
      const outcome = await (again === undefined
        ? importFiles(db, files, options)
        : importAgain(db, again, files, options))
      say({ outcome, peakKb: process.resourceUsage().maxRSS })
    }
  })
} catch (error) {
  const { name, code, message } = error as Error & { code?: string }
  say({ error: { name, code, message } })
  process.exitCode = error instanceof EaError ? error.exitCode : 1
}
