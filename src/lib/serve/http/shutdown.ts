/**
 * The end of a server, in the order in which no client loses an answer: say so (/ready, `Connection: close`), take no
 * new connections, let each open one finish what it sends and hear its answer, close those that stay quiet.
 */
import type { Server } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** Whether the server is about to stop; routes and hooks ask it. */
export interface Stopping {
  readonly isStopping: boolean
}

/** The same as the one who stops it has it. */
export interface StopSwitch {
  isStopping: boolean
}

export interface ShutdownOptions {
  /** How long a quiet connection is left open, in milliseconds: its client may just be sending. */
  readonly lingerMs: number
  /** After so long the connections that are left are cut, in milliseconds. */
  readonly limitMs: number
}

export const drainDefaults: ShutdownOptions = { lingerMs: 1000, limitMs: 25_000 }

/** Watches the connections of a server from its start, to close them without cutting anybody off. */
export class Connections {
  readonly #server: Server
  /** Requests that are under way, by connection. */
  readonly #open = new Map<Socket, number>()

  constructor(server: Server) {
    this.#server = server
    server.on('connection', (socket) => {
      this.#open.set(socket, 0)
      socket.once('close', () => this.#open.delete(socket))
    })
    server.on('request', ({ socket }, response) => {
      this.#count(socket, 1)
      response.once('close', () => this.#count(socket, -1))
    })
  }

  #count(socket: Socket, change: number): void {
    const requests = this.#open.get(socket)
    if (requests !== undefined) this.#open.set(socket, requests + change)
  }

  /**
   * Takes no new connections, and resolves when none is left. Answers given meanwhile must carry `Connection: close`.
   *
   * @returns how many connections were cut because the limit was reached
   */
  async drain({ lingerMs, limitMs }: ShutdownOptions): Promise<number> {
    // Directly after connections were taken: those that the system holds for the server are reset when it stops listening.
    await new Promise(setImmediate)
    // http.Server.close() would at once close quiet connections, on which a request may just be arriving.
    if (this.#server.listening) NetServer.prototype.close.call(this.#server)
    const began = performance.now()
    const quiet = new Map<Socket, { readonly since: number; readonly bytes: number }>()
    while (this.#open.size > 0) {
      const now = performance.now()
      if (now - began > limitMs) break
      for (const [socket, requests] of this.#open) {
        const last = quiet.get(socket)
        if (requests > 0 || last === undefined || last.bytes !== socket.bytesRead) {
          quiet.set(socket, { since: now, bytes: socket.bytesRead })
        } else if (now - last.since >= lingerMs) socket.destroySoon()
      }
      await sleep(Math.min(25, lingerMs))
    }
    const left = this.#open.size
    for (const socket of this.#open.keys()) socket.destroy()
    return left
  }
}
