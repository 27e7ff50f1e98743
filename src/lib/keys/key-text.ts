/**
 * The text of an API key: `ea_`, 32 random bytes as 43 characters, and 6 characters of checksum. The prefix lets people
 * and scanners of secrets recognise one; the checksum tells a typo or a cut-off key apart without the database.
 */
import { createHash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

const prefix = 'ea_'
const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
// 62^43 is just above 2^256, and 62^6 above 2^32.
const secretChars = 43
const checksumChars = 6
// Enough to tell the keys of a team apart; the 37 characters of the secret behind it cannot be guessed.
const startChars = prefix.length + 6
const form = new RegExp(`^${prefix}[0-9A-Za-z]{${secretChars + checksumChars}}$`)

/** A new key; nobody has ever seen it. */
export function makeKey(): string {
  const body = prefix + base62(BigInt(`0x${randomBytes(32).toString('hex')}`), secretChars)
  return body + checksum(body)
}

/** Whether a text means to be an API key: anything else is perhaps a token. */
export function looksLikeKey(text: string): boolean {
  return text.startsWith(prefix)
}

/** Whether a text has the form of a key and its checksum fits. */
export function isKeyText(text: string): boolean {
  return form.test(text) && text.endsWith(checksum(text.slice(0, -checksumChars)))
}

/**
 * SHA-256 of a key: all of it that is ever stored. A slow hash would protect passwords, which people choose; nobody
 * searches 2^256 keys, however fast the hash.
 */
export function hashKey(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

/** The first characters of a key: they are stored and shown, to recognise it. */
export function startOf(key: string): string {
  return key.slice(0, startChars)
}

function checksum(body: string): string {
  return base62(BigInt(crc32(body)), checksumChars)
}

function base62(number: bigint, length: number): string {
  let text = ''
  for (let rest = number; text.length < length; rest /= 62n) text = digits[Number(rest % 62n)] + text
  return text
}
