/** What the arguments of a person mean, in words that all who read sources share. */
import type { EaError } from '../../core/errors.js'

/** The path that stands for standard input. */
export const stdinPath = '-'

/** What messages call a source: a path is its own name. */
export const nameForPeople = (path: string) => (path === stdinPath ? 'standard input' : path)

/** What of the arguments is to be read, what is not, and why. */
export interface FoundSources {
  /** In the order of the arguments: a path, or why one cannot be read. */
  readonly sources: readonly (string | UnreadableSource)[]
  /** What folders and archives have beside what is read. */
  readonly leftOut: readonly LeftOut[]
}

export interface UnreadableSource {
  /** A path, a pattern, a folder or an archive. */
  readonly path: string
  readonly error: EaError
}

export interface LeftOut {
  /** The path of a folder or an archive. */
  readonly folder: string
  /** Paths below it; one that ends with `/` is a hidden folder, which is not looked into. */
  readonly files: readonly string[]
}

/** What one argument means. */
export interface FilesOf {
  readonly paths: readonly (string | UnreadableSource)[]
  readonly leftOut?: readonly LeftOut[]
}
