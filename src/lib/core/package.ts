/**
 * Where this package lies, and which release it is. Found from here upward: in development this file is a source, built
 * it is a part of whatever esbuild made of it, and neither knows how deep it lies.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

let found: string | undefined

/**
 * The folder of package.json, in which `migrations` and the like lie as well.
 *
 * @example
 * join(packageFolder(), 'migrations')
 */
export function packageFolder(): string {
  found ??= nearest(dirname(fileURLToPath(import.meta.url)))
  return found
}

function nearest(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder
  if (dirname(folder) === folder) throw new Error(`no package.json above ${fileURLToPath(import.meta.url)}`)
  return nearest(dirname(folder))
}

/**
 * The release, as package.json says it.
 *
 * @example
 * packageVersion() // '0.1.0'
 */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageFolder(), 'package.json'), 'utf8')) as { version: string }
  return version
}
