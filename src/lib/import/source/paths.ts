/**
 * From the arguments of a person to the files to read: paths, patterns and folders become a list of paths, in the
 * order in which they were given. Nothing is opened here; what cannot be read is told apart from what can.
 */
import { constants, type Stats } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { isAbsolute, join, resolve, sep } from 'node:path'
import { isDynamicPattern } from 'tinyglobby'
import { EaError } from '../../core/errors.js'
import { asFileError } from '../../os/file-error.js'
import { filesBelow, filesOfPattern, isHidden } from './file-search.js'

/** The path that stands for standard input. */
export const stdinPath = '-'

/** What messages call a source: a path is its own name. */
export const nameForPeople = (path: string) => (path === stdinPath ? 'standard input' : path)

/** What a folder is searched for: names that end like this, in any case of letters. */
const fileEndings = ['csv', 'tsv', 'ndjson', 'jsonl', 'json'] as const
const compressionEndings = ['gz', 'zst'] as const
const knownName = new RegExp(`\\.(${fileEndings.join('|')})(\\.(${compressionEndings.join('|')}))?$`, 'i')

/** What of the arguments is to be read, what is not, and why. */
export interface FoundSources {
  /** In the order of the arguments: a path, or why one cannot be read. */
  readonly sources: readonly (string | UnreadableSource)[]
  /** What folders have beside what is read. */
  readonly leftOut: readonly LeftOut[]
}

export interface UnreadableSource {
  /** A path, a pattern or a folder. */
  readonly path: string
  readonly error: EaError
}

export interface LeftOut {
  readonly folder: string
  /** Paths below the folder; one that ends with `/` is a hidden folder, which is not looked into. */
  readonly files: readonly string[]
}

/**
 * The files that the arguments mean, in the order of the arguments; those of a pattern or a folder sorted by the bytes
 * of their paths. A path that exists is taken literally, even if it looks like a pattern. A folder gives all files in
 * it and below it that have a known ending and whose path has no part that begins with a dot; the others are left out. A
 * file that several arguments mean is taken once, where it comes first.
 *
 * @param args paths, patterns (`logs/*.csv`, `**`, `{a,b}`), folders, or `-` for standard input
 * @throws EaError `no_input_files` without an argument; `usage` when `-` is there twice
 * @example
 * const { sources } = await findSources(['history', 'today/*.csv.gz', '-'])
 */
export async function findSources(args: readonly string[]): Promise<FoundSources> {
  if (args.length === 0) throw new EaError('no_input_files', 'No file was named.')
  if (args.filter((arg) => arg === stdinPath).length > 1) {
    throw new EaError('usage', 'Standard input (-) can be read only once.', { suggestions: ['Name - once.'] })
  }
  const found = new Map<string, string | UnreadableSource>()
  const leftOut: LeftOut[] = []
  for (const arg of args) {
    const of: FilesOf = arg === stdinPath ? { paths: [stdinPath] } : await filesOf(arg).catch(unreadable(arg))
    for (const one of of.paths) {
      const path = typeof one === 'string' ? one : one.path
      const key = path === stdinPath ? stdinPath : resolve(path)
      if (!found.has(key)) found.set(key, one)
    }
    if (of.leftOut && of.leftOut.length > 0) leftOut.push({ folder: arg, files: of.leftOut })
  }
  return { sources: [...found.values()], leftOut }
}

/**
 * The same for those who want all of it or nothing.
 *
 * @throws EaError `file_not_found`, `file_not_readable`, `no_input_files`; `usage` when `-` is there twice
 * @example
 * await expandPaths(['history', 'today/*.csv.gz', '-'])
 */
export async function expandPaths(args: readonly string[]): Promise<string[]> {
  return (await findSources(args)).sources.map((source) => {
    if (typeof source !== 'string') throw source.error
    return source
  })
}

interface FilesOf {
  readonly paths: readonly (string | UnreadableSource)[]
  readonly leftOut?: readonly string[]
}

/** An error of one argument as one of its own; any other is thrown on. */
const unreadable =
  (path: string) =>
  (error: unknown): FilesOf => {
    if (!(error instanceof EaError)) throw error
    return { paths: [{ path, error }] }
  }

async function filesOf(arg: string): Promise<FilesOf> {
  const there = await statOrNull(arg)
  if (there?.isDirectory()) return filesOfFolder(arg)
  if (there) return { paths: await readable([arg]) }
  if (!isDynamicPattern(arg)) throw new EaError('file_not_found', `No such file: ${arg}`, { details: { path: arg } })
  const matches = await filesOfPattern(withSlashes(arg), isAbsolute(arg))
  if (matches.length === 0) {
    throw new EaError('file_not_found', `No file matches the pattern: ${arg}`, { details: { path: arg } })
  }
  return { paths: await readable(matches) }
}

async function filesOfFolder(folder: string): Promise<FilesOf> {
  const all = await filesBelow(folder)
  const known = all.filter((path) => knownName.test(path) && !isHidden(path))
  const leftOut = sorted(all.filter((path) => !known.includes(path)))
  if (known.length === 0) {
    const seen = leftOut.filter((path) => !isHidden(path)).length
    const others = seen === 0 ? 'is empty' : `has ${seen} files, none with a known ending`
    throw new EaError('no_input_files', `The folder ${others}: ${folder}`, {
      details: { path: folder, files: leftOut },
    })
  }
  return { paths: await readable(known.map((path) => join(folder, path))), leftOut }
}

const sorted = (paths: string[]) => paths.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))

async function readable(paths: string[]): Promise<(string | UnreadableSource)[]> {
  const found: (string | UnreadableSource)[] = []
  for (const path of sorted(paths)) {
    const error = await requireReadable(path).catch((reason: unknown) => reason)
    if (error !== undefined && !(error instanceof EaError)) throw error
    found.push(error === undefined ? path : { path, error })
  }
  return found
}

async function requireReadable(path: string): Promise<void> {
  const there = await stat(path).catch(asFileError(path))
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
