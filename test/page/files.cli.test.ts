/** The files of the page: small, strict, asked for again cheaply, and in the package. */
import { readdirSync, readFileSync } from 'node:fs'
import { beforeAll, expect, test } from 'vitest'
import { createKey } from '../../src/lib/keys/keys.js'
import { builtOnce } from '../support/binary.js'
import { withServing } from '../support/serve/serving.js'

beforeAll(builtOnce)

const folder = 'src/lib/serve/page/files'
const names = readdirSync(folder)

test('the page is open to all, also where the numbers need a key, and loads from its server only', async () => {
  await withServing(
    {},
    async ({ url }) => {
      expect((await fetch(`${url}/stats/dau`)).status).toBe(401)
      const page = await fetch(url)
      expect(page.status).toBe(200)
      const policy = page.headers.get('content-security-policy')!
      expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/)
      expect(policy).not.toMatch(/unsafe|https?:|\*|data:|blob:/)
      const html = await page.text()
      expect(html.match(/<script(?! type="module" src="[^"]+"><\/script>)/g)).toBeNull()
      expect(html).not.toMatch(/<style|style=| on[a-z]+=|https?:/)
      let bytes = html.length
      for (const name of [...names, 'charts.css']) {
        const answer = await fetch(`${url}/page/${name}`)
        expect(answer.status, name).toBe(200)
        expect(answer.headers.get('content-type'), name).toMatch(
          /^(text\/(html|css|javascript)|image\/svg\+xml); charset=utf-8$/,
        )
        expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
        const text = await answer.text()
        bytes += text.length
        expect(text, name).not.toMatch(/@import|url\(|innerHTML|eval\(|document\.write/)
        expect(text.replaceAll('http://www.w3.org/2000/svg', ''), name).not.toMatch(/https?:\/\//)
        const etag = answer.headers.get('etag')!
        const again = await fetch(`${url}/page/${name}`, { headers: { 'if-none-match': etag } })
        expect([again.status, await again.text()], name).toEqual([304, ''])
      }
      expect(bytes).toBeLessThan(500_000)
      for (const name of ['nothing.js', '..%2fserver.ts', 'constructor', '__proto__']) {
        expect((await fetch(`${url}/page/${name}`)).status, name).toBe(404)
      }
    },
    { before: (db) => createKey(db, { name: 'looks', scopes: ['read'] }) },
  )
})

test('no file is asked for that is not there, and none is left over', () => {
  const loaded = new Set(['index.html'])
  for (const name of names) {
    const text = readFileSync(`${folder}/${name}`, 'utf8')
    for (const [, other] of text.matchAll(/(?:src|href)="page\/([^"]+)"/g)) loaded.add(other!)
  }
  loaded.delete('charts.css') // Made by the server, of the charts' own colours.
  expect([...names].sort()).toEqual([...loaded].sort())
})

test('the build holds every file', () => {
  const built = Object.fromEntries(
    readdirSync('dist/lib/serve/page/files').map((name) => [
      name,
      readFileSync(`dist/lib/serve/page/files/${name}`, 'utf8'),
    ]),
  )
  expect(built).toEqual(Object.fromEntries(names.map((name) => [name, readFileSync(`${folder}/${name}`, 'utf8')])))
})
