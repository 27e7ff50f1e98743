/** Answers by key, bounded by their bytes: when there are too many, those go that nobody has asked for the longest. */

/** What a key and the books about an entry cost beside its body, roughly. */
const entryOverheadBytes = 500

export interface Sized {
  readonly body: Buffer
}

export class AnswerCache<T extends Sized> {
  readonly #maxBytes: number
  // A Map keeps the order in which keys were put: the first one is the one that was not used for the longest.
  readonly #entries = new Map<string, T>()
  #bytes = 0

  /** @param maxBytes of all bodies and what it takes to keep them */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** What its entries cost, in bytes. */
  get bytes(): number {
    return this.#bytes
  }

  get(key: string): T | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry
  }

  /** Keeps an entry; one that would push out most of the others is not kept. */
  put(key: string, entry: T): void {
    this.#remove(key)
    const bytes = costOf(key, entry)
    if (bytes > this.#maxBytes / 2) return
    this.#entries.set(key, entry)
    this.#bytes += bytes
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes) return
      this.#remove(oldest)
    }
  }

  clear(): void {
    this.#entries.clear()
    this.#bytes = 0
  }

  #remove(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#bytes -= costOf(key, entry)
  }
}

function costOf(key: string, { body }: Sized): number {
  return body.length + 2 * key.length + entryOverheadBytes
}
