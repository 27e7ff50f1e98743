/** Files of a column store are checked by their hash, once in each process: a bit that flipped would give another number. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { ColumnFile } from './column-list.js'

/** What was found of a file, by its path, size and time. */
const checked = new Map<string, Promise<string>>()

/** Whether a file has the bytes that the list promises. */
export async function isUnaltered(folder: string, { name, bytes, sha256 }: ColumnFile): Promise<boolean> {
  const path = join(folder, name)
  const found = await stat(path).catch(() => undefined)
  if (found === undefined || found.size !== bytes) return false
  const key = `${path} ${found.size} ${found.mtimeMs} ${found.ino}`
  const hash = checked.get(key) ?? hashOf(path)
  checked.set(key, hash)
  return (await hash.catch(() => '')) === sha256
}

/** The SHA-256 of a file. */
export async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash)
  return hash.digest('hex')
}
