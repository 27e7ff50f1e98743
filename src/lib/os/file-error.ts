/** Errors of the file system as people are told them. */
import { EaError } from '../core/errors.js'

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
