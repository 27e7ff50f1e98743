/** Which files of an archive are read: those of a folder would be, too. */
import { stat } from 'node:fs/promises'
import { EaError } from '../../../core/errors.js'
import { isDataInArchive, isHidden, sorted } from '../file-search.js'
import type { FilesOf } from '../paths.js'
import { archiveKind, listArchive } from './archive.js'
import { memberPath } from './member-path.js'

/**
 * The files that a path means when it is that of an archive, of a folder in one or of a file in one; null when it is none of these.
 *
 * @throws EaError `no_input_files`, `file_not_found`, those of `listArchive`
 */
export async function filesOfArchive(path: string): Promise<FilesOf | null> {
  const there = await stat(path).catch(() => null)
  const place = there ? { archive: path, member: '' } : await memberPath(path)
  if (!place || (there && !there.isFile())) return null
  const kind = await archiveKind(place.archive)
  if (kind === null) return null
  const { members, others } = await listArchive(place.archive, kind)
  const names = members.map(({ name }) => name)
  const folder = place.member.replace(/\/$/, '')
  const full = (name: string) => `${place.archive}/${name}`
  if (names.includes(folder)) return { paths: [full(folder)] }
  const isBelow = (name: string) => folder === '' || name.startsWith(`${folder}/`)
  const below = names.filter(isBelow)
  if (below.length === 0 && folder !== '') {
    throw new EaError('file_not_found', `No such file or folder in ${place.archive}: ${folder}`, {
      details: { path },
    })
  }
  const data = below.filter((name) => isDataInArchive(name) && !isOfMac(name))
  const unread = below.filter((name) => !isDataInArchive(name) || isOfMac(name))
  const leftOut = sorted([...new Set([...unread, ...others.filter(isBelow)].map(hiddenFolder))])
  if (data.length === 0) throw nothingIn(path, unread, leftOut, full)
  return { paths: sorted(data).map(full), leftOut: [{ folder: place.archive, files: leftOut }] }
}

/** The Finder puts what only it needs beside the files. */
const isOfMac = (name: string) => /(^|\/)__MACOSX\//.test(name)

/** A file in a hidden folder is named by that folder, which is not looked into. */
const hiddenFolder = (name: string) => /^(.*?\/)?(\.[^/]+|__MACOSX)\//.exec(name)?.[0] ?? name

function nothingIn(
  path: string,
  unread: readonly string[],
  leftOut: readonly string[],
  full: (name: string) => string,
) {
  const seen = unread.filter((name) => !isHidden(name) && !isOfMac(name))
  const has = seen.length === 0 ? 'has no files' : `has ${seen.length} files, none with a known ending`
  return new EaError('no_input_files', `The archive ${has}: ${path}`, {
    ...(seen.length > 0 && { suggestions: [`To import one of them, name it: ${full(seen[0]!)}`] }),
    details: { path, files: leftOut },
  })
}

/** The one file to look at when a path is that of an archive, and how many it has; any other path is its own. */
export async function firstFile(path: string): Promise<{ readonly path: string; readonly files: number }> {
  const found = await filesOfArchive(path)
  const [first] = found?.paths ?? []
  return { path: typeof first === 'string' ? first : path, files: found?.paths.length ?? 1 }
}
