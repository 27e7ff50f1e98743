/**
 * From the arguments of a person to the files to read: paths, patterns, folders and archives become a list of paths, in the
 * order in which they were given. No data is read here; what cannot be read is told apart from what can.
 */
import { constants, type Stats } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { isAbsolute, join, resolve, sep } from 'node:path'
import { isDynamicPattern } from 'tinyglobby'
import { EaError } from '../../core/errors.js'
import { asFileError } from '../../os/file-error.js'
import { filesOfArchive } from './archive/archive-files.js'
import { filesBelow, filesOfPattern, isData, isHidden, mayBeArchive, sorted } from './file-search.js'
import { type FilesOf, type FoundSources, type LeftOut, stdinPath, type UnreadableSource } from './paths.js'

/**
 * The files that the arguments mean, in the order of the arguments; those of a pattern or a folder sorted by the bytes
 * of their paths. A path that exists is taken literally, even if it looks like a pattern. A folder gives all files in
 * it and below it that have a known ending and whose path has no part that begins with a dot; the others are left out. An
 * archive, named or in a folder, is a folder of its files: `export.zip/2024/01.json.gz`. A file that several arguments mean is
 * taken once, where it comes first.
 *
 * @param args paths, patterns (`logs/*.csv`, `**`, `{a,b}`), folders, archives, or `-` for standard input
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
    leftOut.push(...(of.leftOut ?? []).filter(({ files }) => files.length > 0))
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
  const inArchive = await filesOfArchive(arg)
  if (inArchive) return inArchive
  if (there) return { paths: [await readable(arg)] }
  if (!isDynamicPattern(arg)) throw new EaError('file_not_found', `No such file: ${arg}`, { details: { path: arg } })
  const matches = await filesOfPattern(withSlashes(arg), isAbsolute(arg))
  if (matches.length === 0) {
    throw new EaError('file_not_found', `No file matches the pattern: ${arg}`, { details: { path: arg } })
  }
  return allOf(sorted(matches), oneOrArchive)
}

/** A file that a pattern or a folder has: itself, or what is in it. */
async function oneOrArchive(path: string): Promise<FilesOf> {
  return (await filesOfArchive(path).catch(unreadable(path))) ?? { paths: [await readable(path)] }
}

async function allOf(paths: readonly string[], filesOfOne: (path: string) => Promise<FilesOf>): Promise<FilesOf> {
  const each: FilesOf[] = []
  for (const path of paths) each.push(await filesOfOne(path))
  return { paths: each.flatMap((one) => one.paths), leftOut: each.flatMap((one) => one.leftOut ?? []) }
}

async function filesOfFolder(folder: string): Promise<FilesOf> {
  const found = await filesBelow(folder)
  const known = found.filter((path) => isData(path) || mayBeArchive(path))
  const others = found.filter((path) => !known.includes(path))
  const { paths, leftOut } = await allOf(sorted(known), async (path) => {
    if (isData(path)) return { paths: [await readable(join(folder, path))] }
    const files = await oneOrArchive(join(folder, path))
    const [only] = files.paths
    if (typeof only !== 'object' || only.error.code !== 'no_input_files') return files
    others.push(path)
    return { paths: [] }
  })
  const files = sorted(others)
  if (paths.length === 0) {
    const seen = files.filter((path) => !isHidden(path)).length
    const has = seen === 0 ? 'is empty' : `has ${seen} files, none with a known ending`
    throw new EaError('no_input_files', `The folder ${has}: ${folder}`, { details: { path: folder, files } })
  }
  return { paths, leftOut: [{ folder, files }, ...(leftOut ?? [])] }
}

async function readable(path: string): Promise<string | UnreadableSource> {
  const error = await requireReadable(path).catch((reason: unknown) => reason)
  if (error !== undefined && !(error instanceof EaError)) throw error
  return error === undefined ? path : { path, error }
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
