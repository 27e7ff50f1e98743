/**
 * Who sends events over HTTP, as one text that two senders never share: a batch and an Idempotency-Key belong to it. A
 * name alone will not do: a key and the subject of a token may have the same one, and so may two keys, one after the
 * other.
 */

interface Sender {
  /** `former`: a token of an older release, which kept the name only. */
  readonly kind: 'key' | 'token' | 'former'
  /** Of a key its number, of a token its `iss`. */
  readonly issuer: string
  readonly name: string
}

/**
 * The text of a sender. One whom nobody asked who they are is a plain name: `anonymous`, `collect`.
 *
 * @example
 * senderText({ kind: 'key', issuer: '3', name: 'site' }) // '["key","3","site"]'
 */
export function senderText({ kind, issuer, name }: Sender): string {
  return JSON.stringify([kind, issuer, name])
}

/** The sender of a text; null for a plain name. */
function readSender(text: string): Sender | null {
  const [, kind, issuer, name] = /^\["(key|token|former)",("(?:[^"\\]|\\.)*"),("(?:[^"\\]|\\.)*")\]$/s.exec(text) ?? []
  if (kind === undefined || issuer === undefined || name === undefined) return null
  return { kind: kind as Sender['kind'], issuer: JSON.parse(issuer), name: JSON.parse(name) }
}

/** What people call a sender; several may have one name. */
export function senderName(text: string): string {
  return readSender(text)?.name ?? text
}

/** Which of those with its name a sender is, for people; undefined where there is nothing to say. */
export function senderNote(text: string): string | undefined {
  const sender = readSender(text)
  if (sender === null || sender.kind === 'former') return undefined
  return sender.kind === 'key' ? `key ${sender.issuer}` : `token of ${sender.issuer}`
}

/** The texts under which a sender may have been answered before: older releases kept the name of a token only. */
export function senderTexts(text: string): readonly string[] {
  const sender = readSender(text)
  return sender?.kind === 'token' ? [text, senderText({ kind: 'former', issuer: '', name: sender.name })] : [text]
}
