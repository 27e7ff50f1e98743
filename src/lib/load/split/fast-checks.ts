/**
 * Fields that need no second look. The splitter sees every byte anyway; what it can vouch for spares the database a
 * check of each value. "Not plain" is never a verdict: such a chunk is checked in full by the database.
 */

const zero = 0x30
const dash = 0x2d
const colon = 0x3a

/**
 * Whether the bytes are an ISO 8601 date and time of a form that PostgreSQL reads as it stands: `2025-01-31T10:20:30`
 * with `T` or a space, with up to 6 digits of a fraction (it would round a finer one, time-sql.ts cuts it) and with `Z`,
 * `±hh:mm` or nothing after it. Whether there is such a day is left to the database.
 */
export function isPlainTime(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from < 19) return false
  if (
    !isDigit(bytes[from]!) ||
    !isDigit(bytes[from + 1]!) ||
    !isDigit(bytes[from + 2]!) ||
    !isDigit(bytes[from + 3]!) ||
    bytes[from + 4] !== dash ||
    !isDigit(bytes[from + 5]!) ||
    !isDigit(bytes[from + 6]!) ||
    bytes[from + 7] !== dash ||
    !isDigit(bytes[from + 8]!) ||
    !isDigit(bytes[from + 9]!) ||
    (bytes[from + 10] !== 0x54 && bytes[from + 10] !== 0x20) ||
    !isDigit(bytes[from + 11]!) ||
    !isDigit(bytes[from + 12]!) ||
    bytes[from + 13] !== colon ||
    !isDigit(bytes[from + 14]!) ||
    !isDigit(bytes[from + 15]!) ||
    bytes[from + 16] !== colon ||
    !isDigit(bytes[from + 17]!) ||
    !isDigit(bytes[from + 18]!)
  ) {
    return false
  }
  // PostgreSQL takes hour 24 and second 60 and means the next day or minute; `ea` takes neither.
  if (bytes[from + 11] === 0x32 && bytes[from + 12]! > 0x33) return false
  if (bytes[from + 17]! > 0x35) return false
  let i = from + 19
  if (i < to && bytes[i] === 0x2e) {
    const first = ++i
    while (i < to && isDigit(bytes[i]!)) i++
    if (i === first || i - first > 6) return false
  }
  if (i === to) return true
  if (bytes[i] === 0x5a) return i + 1 === to
  return (
    to - i === 6 &&
    (bytes[i] === 0x2b || bytes[i] === dash) &&
    isDigit(bytes[i + 1]!) &&
    isDigit(bytes[i + 2]!) &&
    bytes[i + 3] === colon &&
    isDigit(bytes[i + 4]!) &&
    isDigit(bytes[i + 5]!)
  )
}

function isDigit(byte: number): boolean {
  return byte >= zero && byte <= 0x39
}

/** The first byte of the control characters U+0080 to U+009F in UTF-8, and of others. */
const leadOfC1 = 0xc2

/** Whether the bytes surely hold no control character. */
export function isPlainText(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const byte = bytes[i]!
    if (byte < 0x20 || byte === 0x7f || byte === leadOfC1) return false
  }
  return true
}

/** Whether no text in these JSON documents, unescaped, can hold a control character. */
export function isPlainJson(bytes: Buffer): boolean {
  return !bytes.includes(0x5c) && !bytes.includes(0x7f) && !bytes.includes(leadOfC1)
}
