/** POST /collect: what browsers send while a page is open or when it closes; they cannot do much with an answer. */
import { randomUUID } from 'node:crypto'
import { readCollected } from '../../ingest/body/collect.js'
import type { Routes } from '../http/context.js'
import { readQuery } from '../http/query-values.js'
import { readChunk, takeBodies } from '../http/request-body.js'

/** `navigator.sendBeacon` sends a text as text/plain, and a Blob without a type as nothing. */
const bodyTypes: readonly (string | null)[] = ['application/json', 'text/plain', null]

/** The source of events whose sender nobody asked for. */
const openSender = 'collect'

export const collectRoutes: Routes = (app, { access, bodies, intake, options }) => {
  app.register(async (scope) => {
    takeBodies(scope, (type) => bodyTypes.includes(type), options.bodyLimitBytes, bodies)
    scope.post('/collect', { config: { scope: 'write', allowQueryKey: true } }, async (request, reply) => {
      readQuery(request.query, [{ name: 'key' }], 'POST /collect')
      const receivedAt = new Date()
      const clientAddress = options.storeClientAddress ? request.ip : undefined
      const { chunk, bytes } = await readChunk(request, async (body) => ({
        chunk: await readCollected(body, { at: receivedAt, clientAddress }),
      }))
      const answer = await intake.accept({
        id: randomUUID(),
        kind: 'collect',
        sender: access.isRequired ? request.principal!.sender : openSender,
        receivedAt,
        chunk,
        bytes,
        atomic: false,
      })
      // Whoever writes the page's script wants to know why nothing of it was stored; a few rejects are in the batch.
      if (answer.status === 422) return reply.code(422).type('application/json; charset=utf-8').send(answer.body)
      return reply.code(204).send()
    })
  })
}
