/** Who asks, and what a request and a route of Fastify say of that. */
import type { FastifyRequest } from 'fastify'
import type { Scope } from '../../keys/scopes.js'

/** Who asks. */
export interface Principal {
  /** The name of the key, the subject of the token, or `anonymous` where nobody is asked. */
  readonly name: string
  /** What tells them from all others whose events are stored: a text of `batches/sender.ts`. */
  readonly sender: string
  readonly scopes: readonly Scope[]
  /** Differs for each key and token subject; what the rate limit counts by. Null: count by address. */
  readonly limitBy: string | null
}

/** Tells who asks. */
export interface Access {
  /** Whether requests need a key or token at all. */
  readonly isRequired: boolean
  /**
   * @param allowQueryKey whether `?key=` will do: a beacon cannot set headers
   * @throws EaError `unauthorized`; `database_unreachable` when nothing is known about the key and nobody can be asked
   */
  identify(request: FastifyRequest, allowQueryKey: boolean): Promise<Principal>
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; set before a route with a scope runs. */
    principal: Principal | null
  }
  interface FastifyContextConfig {
    /** The scope that a route needs; routes without one are open to all. */
    scope?: Scope
    /** Whether `?key=` is taken for a key. */
    allowQueryKey?: boolean
    /** Asked for again and again by what watches the server: logged at `debug` only. */
    isProbe?: boolean
  }
}
