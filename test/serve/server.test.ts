/** The frame of `ea serve`: health, errors as problems, who may, limits, headers, log, metrics. Over real sockets. */
import { describe, expect, test } from 'vitest'
import { withServing } from '../support/serving.js'

describe('health', () => {
  test('says that it lives, with its release', async () => {
    await withServing({}, async ({ url }) => {
      const answer = await fetch(`${url}/health`)
      expect(answer.status).toBe(200)
      expect(await answer.json()).toEqual({ status: 'ok', version: expect.stringMatching(/^\d+\.\d+\.\d+/) })
      expect((await fetch(`${url}/ready`)).status).toBe(200)
    })
  })
})

test('a path that is nothing is a problem', async () => {
  await withServing({}, async ({ url }) => {
    const answer = await fetch(`${url}/nothing`, { headers: { 'x-request-id': 'mine.1' } })
    expect(answer.status).toBe(404)
    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
    expect(answer.headers.get('x-request-id')).toBe('mine.1')
    expect(await answer.json()).toMatchObject({ status: 404, code: 'not_found', instance: 'mine.1' })
  })
})
