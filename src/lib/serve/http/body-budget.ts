/**
 * How many bytes of bodies may be in memory at once, from before they are read until they are answered: many large
 * bodies at the same time must not take the memory that the others need.
 */
import { EaError } from '../../core/errors.js'

/** What is sent by a page or a device goes on while large bodies wait: it may use a little more. */
const smallBytes = 64 * 1024
const extraForSmall = 1 / 8

export interface BodyBudget {
  /** Opens an account for one body. */
  open(): BodyAccount
  readonly usedBytes: number
}

export interface BodyAccount {
  /**
   * Reserves memory until the account holds so much. A body that is alone may always grow: `--body-limit` bounds it.
   *
   * @throws EaError `server_busy` when others have what is missing
   */
  growTo(bytes: number): void
  /** Counts what has become of the body, be it more than there is: it is in memory already. */
  hold(bytes: number): void
  close(): void
}

/**
 * @example
 * const account = bodyBudget(256 * 1024 * 1024).open()
 * account.growTo(1_000_000)
 */
export function bodyBudget(maxBytes: number): BodyBudget {
  let used = 0
  return {
    get usedBytes() {
      return used
    },
    open() {
      let own = 0
      let isClosed = false
      return {
        growTo(bytes) {
          if (bytes <= own) return
          const most = bytes <= smallBytes ? maxBytes * (1 + extraForSmall) : maxBytes
          const ofOthers = used - own
          if (ofOthers > 0 && ofOthers + bytes > most) {
            throw new EaError('server_busy', 'The server has as many bodies in memory as it may.')
          }
          used += bytes - own
          own = bytes
        },
        hold(bytes) {
          if (isClosed) return
          used += bytes - own
          own = bytes
        },
        close() {
          isClosed = true
          used -= own
          own = 0
        },
      }
    },
  }
}
