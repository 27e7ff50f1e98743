/** The OpenAPI document, and the page that shows it: valid, complete, and loading nothing from elsewhere. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import { Validator } from '@seriousme/openapi-schema-validator'
import fastify, { type FastifyInstance } from 'fastify'
import { expect, test } from 'vitest'
import { docsRoutes } from '../../src/lib/serve/openapi/docs-routes.js'
import { openApiDocument } from '../../src/lib/serve/openapi/openapi.js'
import { registerRoute, type ServeContext } from '../../src/lib/serve/route.js'
import { routes } from '../../src/lib/serve/routes.js'
import { stats } from '../../src/lib/stats/catalog.js'
import { paramsOf, snake } from '../../src/lib/stats/query/params.js'
import { withServing } from '../support/serve/serving.js'

const copy = () => JSON.parse(JSON.stringify(openApiDocument(routes)))

/** The routes of the documentation alone; they look at nothing of what a server shares. */
function docsApp(): FastifyInstance {
  const app = fastify()
  for (const route of docsRoutes(() => ({}))) registerRoute(app, route, {} as ServeContext)
  return app
}

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required: boolean
  readonly deprecated?: boolean
  readonly description: string
  readonly schema: { readonly default?: unknown }
}

test('the document is valid OpenAPI 3.1, and the validator would say so if not', async () => {
  expect(await new Validator().validate(copy())).toMatchObject({ valid: true })
  const broken = copy()
  broken.paths['/health'].get.responses['200'].description = undefined
  expect(await new Validator().validate(JSON.parse(JSON.stringify(broken)))).toMatchObject({ valid: false })
})

test('every reference leads somewhere, and every schema is used', () => {
  const document = copy()
  const targets = new Set(
    [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, to]) => to!),
  )
  expect([...targets].sort()).toEqual(Object.keys(document.components.schemas).sort())
})

test('each operation has a name of its own and a tag that is explained', () => {
  const { paths, tags } = copy()
  const operations = Object.values(paths).flatMap((path) => Object.values(path as object))
  const ids = operations.map(({ operationId }) => operationId)
  expect(new Set(ids).size).toBe(ids.length)
  const known = tags.map(({ name }: { name: string }) => name)
  for (const { tags: own, operationId } of operations) expect(known, operationId).toContain(own[0])
})

test('the version is that of the package', () => {
  expect(openApiDocument(routes).info.version).toBe(JSON.parse(readFileSync('package.json', 'utf8')).version)
})

test.each(stats.map((stat) => [stat.name, stat] as const))('%s has each of its parameters', (name, stat) => {
  const parameters: Parameter[] = copy().paths[`/stats/${name}`].get.parameters
  const current = parameters.filter((parameter) => parameter.in === 'query' && parameter.deprecated !== true)
  expect(current.map((parameter) => parameter.name)).toEqual([
    ...paramsOf(stat.params).map((param) => snake(param.name)),
    ...(stat.drillDown === undefined ? [] : ['users', 'page_size', 'cursor']),
    'format',
    ...(stat.chart === undefined ? [] : ['width', 'colors']),
  ])
  for (const param of paramsOf(stat.params)) {
    const documented = current.find((parameter) => parameter.name === snake(param.name))!
    if (!param.isList) expect(documented.schema.default).toEqual(param.default)
    expect(documented.description).not.toMatch(/--/)
  }
  expect(new Set(parameters.map((parameter) => parameter.name)).size).toBe(parameters.length)
})

test('the routes of the server are those of the document', async () => {
  const routes = new Set<string>()
  const watch = (message: unknown) =>
    (message as { fastify: FastifyInstance }).fastify.addHook('onRoute', ({ method, url, schema }) => {
      if ((schema as { hide?: boolean } | undefined)?.hide) return
      for (const name of [method].flat()) routes.add(`${name} ${url.replace(/:(\w+)/g, '{$1}')}`)
    })
  subscribe('fastify.initialization', watch)
  try {
    await withServing({ corsOrigins: ['https://shop.example'] }, async () => {})
  } finally {
    unsubscribe('fastify.initialization', watch)
  }
  // Fastify adds HEAD to each GET; OPTIONS is the preflight of CORS.
  const own = [...routes].filter((route) => !/^(HEAD|OPTIONS) /.test(route))
  const documented = Object.entries(copy().paths as Record<string, object>).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  )
  expect(own.sort()).toEqual(documented.sort())
})

test('the page and all it loads come from the server itself, and no script stands in it', async () => {
  await withServing({}, async ({ url }) => {
    const page = await fetch(`${url}/docs`)
    expect(page.status).toBe(200)
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    const policy = page.headers.get('content-security-policy')!
    expect(policy).toMatch(/^default-src 'none';/)
    expect(policy).not.toMatch(/unsafe|https?:|\*|upgrade-insecure/)
    const html = await page.text()
    const loaded = [...html.matchAll(/ (?:src|href)="([^"]+)"/g)].map(([, to]) => new URL(to!, page.url))
    expect(loaded).toHaveLength(5)
    for (const asset of loaded) {
      expect(asset.origin).toBe(new URL(url).origin)
      const answer = await fetch(asset)
      expect(answer.status, asset.pathname).toBe(200)
      expect(answer.headers.get('content-type')).toMatch(/^(text\/(css|javascript); charset=utf-8|image\/png)$/)
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
      expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(100)
    }
    expect(html.match(/<script(?! src="[^"]+"><\/script>)/g)).toBeNull()
    expect(html).not.toMatch(/<style|style=| on[a-z]+=/)
    const sheets = await Promise.all(
      loaded.filter(({ pathname }) => pathname.endsWith('.css')).map(async (sheet) => (await fetch(sheet)).text()),
    )
    expect(sheets.join('')).not.toMatch(/@import|url\((?!["']?data:)/)
  })
})

test('the page shows the document of this server, and asks nobody whether it is valid', async () => {
  const app = docsApp()
  const { body } = await app.inject('/docs/start.js')
  const configured: { url: string; validatorUrl: unknown }[] = []
  new Function('SwaggerUIBundle', 'document', body)((config: (typeof configured)[0]) => configured.push(config), {
    baseURI: 'https://example.org/ea/docs',
  })
  expect(configured).toMatchObject([{ url: 'https://example.org/ea/openapi.json', validatorUrl: null }])
})

test('there are no other files behind the page, and a slash too many leads back to it', async () => {
  const app = docsApp()
  for (const name of ['index.html', '..%2fpackage.json', '__proto__', 'constructor', 'swagger-ui.js']) {
    expect((await app.inject(`/docs/${name}`)).statusCode, name).toBeGreaterThanOrEqual(400)
  }
  expect(await app.inject('/docs/')).toMatchObject({ statusCode: 302, headers: { location: '../docs' } })
})
