/**
 * Group commit: requests that come while a commit runs are committed together by the next one, so that many small
 * requests cost as many flushes of the disk as few large ones. Nobody waits for company: an idle lane commits at once.
 *
 * There are two lanes. Small requests share transactions; a large one has its own, is copied into staging while small
 * ones go on, and takes its turn at the lock (`alone`).
 */

import { Queue } from '../core/in-turns.js'
import type { CommitRequest, RequestResult } from './body/request.js'
import { groupMaxBytes, groupMaxRecords, isSmall } from './records.js'

/** Commits a run; `alone` brackets what may not overlap with the other lane. */
export type CommitLane = (
  run: readonly CommitRequest[],
  alone: <T>(body: () => Promise<T>) => Promise<T>,
) => Promise<readonly RequestResult[]>

interface Waiting {
  readonly request: CommitRequest
  readonly resolve: (settled: RequestResult) => void
  readonly reject: (error: unknown) => void
}

/**
 * @example
 * const committer = new Committer((run, alone) => commitRun(db, run, { timezone, alone }))
 * const settled = await committer.submit(request)
 */
export class Committer {
  readonly #commit: CommitLane
  readonly #small: Waiting[] = []
  readonly #large: Waiting[] = []
  readonly #running = new Set<Waiting[]>()
  /** Who waits here does not wait for the server's lock, which has a limit. */
  readonly #locking = new Queue()

  constructor(commit: CommitLane) {
    this.#commit = commit
  }

  /**
   * Commits a request, alone or with others.
   *
   * @throws what the commit of its run threw
   */
  submit(request: CommitRequest): Promise<RequestResult> {
    return new Promise<RequestResult>((resolve, reject) => {
      const lane = isSmall([request]) ? this.#small : this.#large
      lane.push({ request, resolve, reject })
      if (!this.#running.has(lane)) void this.#run(lane)
    })
  }

  async #run(lane: Waiting[]): Promise<void> {
    this.#running.add(lane)
    while (lane.length > 0) {
      const group = takeGroup(lane)
      try {
        const settled = await this.#commit(
          group.map(({ request }) => request),
          (body) => this.#locking.run(body),
        )
        group.forEach(({ resolve }, index) => {
          resolve(settled[index]!)
        })
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
    this.#running.delete(lane)
  }
}

/** The requests from the head of the lane that can be committed together, in their order. */
function takeGroup(lane: Waiting[]): Waiting[] {
  const first = lane[0]!.request
  const keys = new Set<string>()
  let records = 0
  let bytes = 0
  let length = 0
  for (const { request } of lane) {
    records += request.chunk.good
    bytes += request.bytes
    const fits = records <= groupMaxRecords && bytes <= groupMaxBytes
    const isAlike = request.kind === first.kind && !request.atomic && !first.atomic
    const key = request.idempotency && `${request.sender}\0${request.idempotency.key}`
    if (length > 0 && !(fits && isAlike && !(key !== undefined && keys.has(key)))) break
    if (key !== undefined) keys.add(key)
    length += 1
  }
  return lane.splice(0, length)
}
