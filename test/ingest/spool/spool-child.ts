/**
 * A process that appends to a spool until it is killed: `node --import tsx test/ingest/spool/spool-child.ts FOLDER`. It prints
 * the id of each request when it is safe, by a write of its own, so that nothing that was printed is lost with it.
 */
import { writeSync } from 'node:fs'
import { EaError } from '../../../src/lib/core/errors.js'
import { withSpool } from '../../../src/lib/ingest/spool/spool.js'
import { spooled } from './spool-requests.js'

const [folder] = process.argv.slice(2) as [string]

try {
  await withSpool(folder, async (spool) => {
    say('open')
    const client = async () => {
      for (;;) {
        const request = spooled({ padding: Math.floor(Math.random() * 20_000) })
        await spool.append(request)
        say(request.id)
      }
    }
    await Promise.all(Array.from({ length: 8 }, client))
  })
} catch (error) {
  if (!(error instanceof EaError)) throw error
  say(error.code)
}

function say(line: string): void {
  for (;;) {
    try {
      writeSync(1, `${line}\n`)
      return
    } catch (error) {
      // The pipe is full: whoever reads it needs a moment.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
  }
}
