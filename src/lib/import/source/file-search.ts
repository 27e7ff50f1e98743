/** Searches folders for files, by pattern or all of them, whatever characters are in their names. */
import fs from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type FileSystemAdapter, glob } from 'tinyglobby'
import { asFileError } from '../../os/file-error.js'

/** What a folder is searched for: names that end like this, in any case of letters. */
const fileEndings = ['csv', 'tsv', 'ndjson', 'jsonl', 'json'] as const
const compressionEndings = ['gz', 'zst', 'br'] as const
const knownName = new RegExp(`\\.(${fileEndings.join('|')})(\\.(${compressionEndings.join('|')}))?$`, 'i')
const archiveName = new RegExp(`\\.(zip|tgz|tar(\\.(${compressionEndings.join('|')}))?)$`, 'i')

/** Whether a file of an archive is taken for data, by its path in it. */
export const isDataInArchive = (path: string) => knownName.test(path) && !isHidden(path)
/** Whether one of a folder is: Parquet is read from a file of its own. */
export const isData = (path: string) => isDataInArchive(path) || (/\.parquet$/i.test(path) && !isHidden(path))
/** Whether a file is called like an archive, so that a folder that has it looks into it. */
export const mayBeArchive = (path: string) => archiveName.test(path) && !isHidden(path)

/** Paths in the order of their bytes. */
export const sorted = (paths: string[]) => paths.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))

/** Whether a part of the path begins with a dot. */
export const isHidden = (path: string) => /(^|[/\\])\./.test(path)

/**
 * All files in a folder and below it, as paths relative to it. Links to folders are followed, each folder once; a hidden
 * folder is a path that ends with `/`, and is not looked into.
 *
 * @throws EaError `file_not_readable`
 */
export async function filesBelow(folder: string): Promise<string[]> {
  const found: string[] = []
  const seen = new Set<string>()
  const search = async (below: string): Promise<void> => {
    const path = join(folder, below)
    const place = await realpath(path).catch(asFileError(path))
    if (seen.has(place)) return
    seen.add(place)
    for (const entry of await readdir(path, { withFileTypes: true }).catch(asFileError(path))) {
      const relative = join(below, entry.name)
      const isFolder = entry.isSymbolicLink()
        ? await stat(join(folder, relative)).then(
            (there) => there.isDirectory(),
            () => false,
          )
        : entry.isDirectory()
      if (!isFolder) found.push(relative)
      else if (isHidden(entry.name)) found.push(`${relative}/`)
      else await search(relative)
    }
  }
  await search('')
  return found
}

/** The files that match a pattern. */
export async function filesOfPattern(pattern: string, absolute: boolean): Promise<string[]> {
  const matches = await glob(hideLineBreaks(pattern), { expandDirectories: false, absolute, fs: hidingLineBreaks })
  return matches.map(showLineBreaks)
}

/**
 * A star of a pattern does not match a line break, and a name may have one: while the search is on, line breaks are characters
 * that nobody uses.
 */
const lineBreaks = '\n\r\u2028\u2029'
const standIns = '\ue80a\ue80d\ue828\ue829'
const replaced = (text: string, from: string, to: string) =>
  text.replaceAll(new RegExp(`[${from}]`, 'g'), (char) => to[from.indexOf(char)]!)
const hideLineBreaks = (text: string) => replaced(text, lineBreaks, standIns)
const showLineBreaks = (text: string) => replaced(text, standIns, lineBreaks)

const hidingLineBreaks = {
  readdir(path: string, options: { withFileTypes: true }, done: (error: Error | null, entries?: fs.Dirent[]) => void) {
    fs.readdir(showLineBreaks(path), options, (error, entries) =>
      error
        ? done(error)
        : done(
            null,
            entries.map((entry) => Object.create(entry, { name: { value: hideLineBreaks(entry.name) } }) as fs.Dirent),
          ),
    )
  },
  realpath(path: string, done: (error: Error | null, resolved: string) => void) {
    fs.realpath(showLineBreaks(path), (error, resolved) => done(error, hideLineBreaks(resolved ?? '')))
  },
  stat(path: string, done: (error: Error | null, stats: fs.Stats) => void) {
    fs.stat(showLineBreaks(path), done)
  },
} as unknown as FileSystemAdapter
