/** A file that appears whole or not at all: it is written beside its place, and takes the place in one step. */
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { open, realpath, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { EaError } from '../core/errors.js'

/**
 * Has a file written by `fill`, which gets the path to write to: it exists and is empty. When `fill` throws, or the
 * process is told to end, nothing is left and what was there before still is. A device or a pipe is written to as it is;
 * putting a file in its place would be a surprise.
 *
 * @throws EaError `output_unwritable`; what `fill` throws
 * @example
 * await writeWhole('events.csv', (path) => writeFile(path, text).catch(throwUnwritable('events.csv')))
 */
export async function writeWhole<T>(file: string, fill: (path: string) => Promise<T>): Promise<T> {
  const there = await stat(file).catch(() => undefined)
  if (there !== undefined && !there.isFile()) return fill(file)
  const unwritable = throwUnwritable(file)
  // A link stays a link; a file that only its owner may read stays one.
  const place = there === undefined ? file : await realpath(file).catch(unwritable)
  const partial = join(dirname(place), `.ea-${randomBytes(6).toString('hex')}.part`)
  const handle = await open(partial, 'wx', (there?.mode ?? 0o666) & 0o777).catch(unwritable)
  // A second Ctrl-C ends the process at once.
  const remove = () => rmSync(partial, { force: true })
  process.on('exit', remove)
  try {
    const result = await fill(partial)
    await handle.sync().catch(unwritable)
    await rename(partial, place).catch(unwritable)
    return result
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  } finally {
    process.off('exit', remove)
    await handle.close()
  }
}

/** What turns an error of the file system into one that names the file. */
export function throwUnwritable(file: string): (error: unknown) => never {
  return (error) => {
    // Node names the path that it was given: that of the partial file says nothing to anybody.
    const reason = (error as Error).message.replace(/, \w+ '.*'$/s, '')
    throw new EaError('output_unwritable', `${file} cannot be written: ${reason}`)
  }
}
