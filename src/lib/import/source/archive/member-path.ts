/**
 * A file inside of an archive is named by a path that goes on behind the archive: `export.zip/2024/01.json.gz`. Everywhere:
 * in arguments, in batches, in errors.
 */
import { stat } from 'node:fs/promises'
import { EaError } from '../../../core/errors.js'

export interface MemberPath {
  /** The path of the archive. */
  readonly archive: string
  /** The name inside of it; empty for the whole archive. */
  readonly member: string
}

/** Splits a path that leads through a regular file; null when there is a file of this path, or none on the way. */
export async function memberPath(path: string): Promise<MemberPath | null> {
  if (await statOrNull(path)) return null
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    const archive = path.slice(0, slash)
    const there = await statOrNull(archive)
    if (there?.isFile()) return { archive, member: path.slice(slash + 1) }
    if (there) return null
  }
  return null
}

/** The file on the disk that a path is read from. */
export async function fileOnDisk(path: string): Promise<string> {
  return (await memberPath(path))?.archive ?? path
}

/** An error here is not told: opening the path says it better. */
const statOrNull = (path: string) => stat(path).catch(() => null)

/**
 * A name as it is in an archive, without `./`. A name is only ever a name here, nothing is written by it; one that leads out of
 * the archive is refused all the same, because no archive of data has one.
 *
 * @throws EaError `archive_unsafe`
 */
export function memberName(name: string, archive: string): string {
  const parts = name.split('/').filter((part, index) => part !== '.' && (part !== '' || index === 0))
  const isAbsolute = parts[0] === '' || /^[a-z]:\//i.test(name)
  if (!isAbsolute && !parts.includes('..') && !name.includes('\0')) return parts.join('/')
  throw new EaError('archive_unsafe', `A name in ${archive} leads out of the archive: ${JSON.stringify(name)}`, {
    details: { path: archive, member: name },
  })
}
