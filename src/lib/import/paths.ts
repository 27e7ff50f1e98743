/**
 * From the arguments of a person to the files to read: paths, patterns and folders become a list of paths, in the
 * order in which they were given. Nothing is opened here; what cannot be read is said before anything is imported.
 */
import { constants, type Stats } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { isAbsolute, join, resolve, sep } from 'node:path'
import { glob, isDynamicPattern } from 'tinyglobby'
import { EaError } from '../errors.js'

/** The path that stands for standard input. */
export const stdinPath = '-'

/** What messages call a source: a path is its own name. */
export const nameForPeople = (path: string) => (path === stdinPath ? 'standard input' : path)

/** What a folder is searched for: names that end like this, in any case of letters. */
const fileEndings = ['csv', 'tsv', 'ndjson', 'jsonl', 'json'] as const
const compressionEndings = ['gz', 'zst'] as const
const knownName = new RegExp(`\\.(${fileEndings.join('|')})(\\.(${compressionEndings.join('|')}))?$`, 'i')

/**
 * The files that the arguments mean, in the order of the arguments; those of a pattern or a folder sorted by the bytes
 * of their paths. A path that exists is taken literally, even if it looks like a pattern. A folder gives all files in
 * it and below it that have a known ending and whose path has no part that begins with a dot. A file that several
 * arguments mean is taken once, where it comes first.
 *
 * @param args paths, patterns (`logs/*.csv`, `**`, `{a,b}`), folders, or `-` for standard input
 * @throws EaError `file_not_found`, `file_not_readable`, `no_input_files`; `usage` when `-` is there twice
 * @example
 * await expandPaths(['history', 'today/*.csv.gz', '-'])
 */
export async function expandPaths(args: readonly string[]): Promise<string[]> {
  if (args.length === 0) throw new EaError('no_input_files', 'No file was named.')
  if (args.filter((arg) => arg === stdinPath).length > 1) {
    throw new EaError('usage', 'Standard input (-) can be read only once.', { suggestions: ['Name - once.'] })
  }
  const found = new Map<string, string>()
  for (const arg of args) {
    if (arg === stdinPath) found.set(stdinPath, stdinPath)
    else for (const path of await expandOne(arg)) if (!found.has(resolve(path))) found.set(resolve(path), path)
  }
  return [...found.values()]
}

async function expandOne(arg: string): Promise<string[]> {
  const there = await statOrNull(arg)
  if (there?.isDirectory()) return filesOfFolder(arg)
  if (there) {
    await requireReadable(arg, there)
    return [arg]
  }
  if (!isDynamicPattern(arg)) throw new EaError('file_not_found', `No such file: ${arg}`, { details: { path: arg } })
  const matches = await glob(withSlashes(arg), { expandDirectories: false, absolute: isAbsolute(arg) })
  if (matches.length === 0) {
    throw new EaError('file_not_found', `No file matches the pattern: ${arg}`, { details: { path: arg } })
  }
  return readable(matches)
}

async function filesOfFolder(folder: string): Promise<string[]> {
  const all = await glob('**', { cwd: folder, expandDirectories: false })
  const known = all.filter((path) => knownName.test(path))
  if (known.length === 0) {
    const others = all.length === 0 ? 'is empty' : `has ${all.length} files, none with a known ending`
    throw new EaError('no_input_files', `The folder ${others}: ${folder}`, { details: { path: folder } })
  }
  return readable(known.map((path) => join(folder, path)))
}

async function readable(paths: string[]): Promise<string[]> {
  const sorted = paths.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  for (const path of sorted) await requireReadable(path, await stat(path).catch(asFileError(path)))
  return sorted
}

async function requireReadable(path: string, there: Stats): Promise<void> {
  if (!there.isFile() && !there.isFIFO()) {
    throw new EaError('file_not_readable', `Neither a file nor a pipe: ${path}`, { details: { path } })
  }
  await access(path, constants.R_OK).catch(asFileError(path))
}

async function statOrNull(path: string): Promise<Stats | null> {
  return stat(path).catch((error: NodeJS.ErrnoException) => {
    if (isAbsence(error)) return null
    return asFileError(path)(error)
  })
}

const withSlashes = (path: string) => (sep === '\\' ? path.replaceAll('\\', '/') : path)

/** A pattern is no valid name everywhere, and a part of a pattern may be longer than a name. */
const isAbsence = (error: NodeJS.ErrnoException) =>
  ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'EINVAL'].includes(error.code ?? '') || error.code === 'ERR_INVALID_ARG_VALUE'

/**
 * Makes of an error of the file system one for a person; for `.catch`.
 *
 * @throws EaError `file_not_found`, `file_not_readable`; anything that is no error of the file system as it is
 */
export function asFileError(path: string): (error: unknown) => never {
  return (error) => {
    const { code } = error as NodeJS.ErrnoException
    if (error instanceof EaError || typeof code !== 'string' || !/^E[A-Z0-9]+$/.test(code)) throw error
    const absent = code === 'ENOENT' || code === 'ENOTDIR'
    const reason = reasons[code] ?? (error as Error).message
    throw new EaError(absent ? 'file_not_found' : 'file_not_readable', `${reason}: ${path}`, {
      details: { path, errno: code },
      cause: error,
    })
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'No such file',
  ENOTDIR: 'No such file',
  EACCES: 'No permission to read',
  EPERM: 'No permission to read',
  EISDIR: 'A folder, not a file',
  ELOOP: 'Too many symbolic links',
  EMFILE: 'Too many open files',
}
