/** Answers by key, bounded by their bytes: when there are too many, those go that nobody has asked for the longest. */
import { LRUCache } from 'lru-cache'

/** What a key and the books about an entry cost beside its body, roughly. */
const entryOverheadBytes = 500

/**
 * An empty cache; an entry that would push out most of the others is not kept.
 *
 * @param maxBytes of all bodies and what it takes to keep them
 */
export function answerCache<T extends { readonly body: Buffer }>(maxBytes: number): LRUCache<string, T> {
  return new LRUCache({
    // 0 would mean that there is no limit.
    maxSize: Math.max(1, maxBytes),
    maxEntrySize: Math.max(1, Math.floor(maxBytes / 2)),
    sizeCalculation: ({ body }, key) => body.length + 2 * key.length + entryOverheadBytes,
  })
}
