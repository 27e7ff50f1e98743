/** A server whose event loop is too late refuses requests, and takes them again when it is not. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { withServing } from '../../support/serve/serving.js'

test('with more work than it can do a server says so, and when to come again', () =>
  withServing(
    {},
    async ({ url }) => {
      const ask = () => fetch(`${url}/stats`)
      let answer = await ask()
      // Each turn of the loop is late by more than it may; the delay is measured a few times a second.
      while (answer.status === 200) {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
        await sleep(0)
        answer = await ask()
      }
      expect(answer.status).toBe(503)
      expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
      expect(await answer.json()).toMatchObject({ code: 'server_busy' })
    },
    { maxLoopDelayMs: 1 },
  ))
