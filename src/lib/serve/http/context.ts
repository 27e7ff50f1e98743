/** What the routes of the server share: each route file takes the app and this. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Database } from '../../db/connect.js'
import type { OpenIngest } from '../../ingest/ingest.js'
import type { Scope } from '../../keys/scopes.js'
import type { BodyBudget } from './body-budget.js'
import type { ServeOptions } from './options.js'

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

/** What routes count; metrics.ts turns it into Prometheus. */
export interface Metrics {
  countEvents(outcome: 'inserted' | 'duplicate' | 'rejected' | 'pending' | 'queued', events: number): void
  observeStat(stat: string, cache: 'hit' | 'miss', seconds: number): void
}

export interface ServeContext {
  readonly db: Database
  readonly intake: OpenIngest
  /** The memory for the bodies of all requests. */
  readonly bodies: BodyBudget
  readonly access: Access
  readonly metrics: Metrics
  readonly options: ServeOptions
}

/** A file of routes. */
export type Routes = (app: FastifyInstance, context: ServeContext) => void

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
