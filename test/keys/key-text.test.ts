/** The text of a key: its form, its randomness, and the checksum that tells typos apart. */
import { expect, test } from 'vitest'
import { isKeyText, looksLikeKey, makeKey } from '../../src/lib/keys/key-text.js'

test('a key is ea_ and 49 characters that no shell or address needs to quote', () => {
  const keys = Array.from({ length: 500 }, makeKey)
  expect(new Set(keys).size).toBe(500)
  for (const key of keys) {
    expect(key).toMatch(/^ea_[0-9A-Za-z]{49}$/)
    expect(isKeyText(key)).toBe(true)
  }
  // Each place of the secret takes many values; the first cannot take all, because 62^43 is just above 2^256.
  for (let at = 4; at < 46; at++) expect(new Set(keys.map((key) => key[at])).size).toBeGreaterThan(40)
})

test('every single typo, swap and cut is told apart', () => {
  const key = makeKey()
  for (let at = 3; at < key.length; at++) {
    expect(isKeyText(key.slice(0, at) + (key[at] === 'x' ? 'y' : 'x') + key.slice(at + 1))).toBe(false)
    expect(isKeyText(key.slice(0, at))).toBe(false)
    const swapped = key.slice(0, at) + (key[at + 1] ?? '') + key[at] + key.slice(at + 2)
    expect(isKeyText(swapped)).toBe(swapped === key)
  }
  for (const other of ['', 'ea_', ` ${key}`, `${key}\n`, key.toUpperCase(), key.replace('ea_', 'eb_'), `${key}x`]) {
    expect(isKeyText(other)).toBe(false)
  }
})

test('a token is never taken for a key', () => {
  expect(looksLikeKey('eyJhbGciOiJub25lIn0.e30.')).toBe(false)
  expect(looksLikeKey(makeKey())).toBe(true)
})
