/** Several pieces of work at once from one stream, with the next piece ready while all hands are busy. */

/**
 * Takes items from `source` and hands each to `work`, at most `limit` at a time. The first error ends it: nothing new
 * is begun, what runs is waited for, and the error is thrown.
 *
 * @example
 * await eachInFlight(chunks, 2, (chunk) => loadChunk(context, chunk))
 */
export async function eachInFlight<T>(
  source: AsyncIterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>()
  let failure: { error: unknown } | undefined
  try {
    for await (const item of source) {
      while (running.size >= limit && failure === undefined) await Promise.race(running)
      if (failure !== undefined) break
      const task: Promise<void> = work(item)
        .catch((error: unknown) => {
          failure ??= { error }
        })
        .finally(() => running.delete(task))
      running.add(task)
    }
  } finally {
    await Promise.all(running)
  }
  if (failure !== undefined) throw failure.error
}
