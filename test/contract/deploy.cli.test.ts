/**
 * What lies in deploy/ and docker-compose.yml names commands, flags, files and metrics that others can rename. Nothing
 * here starts a container; that the alerts fire is played by promtool, where it is installed.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { durationMs } from '../../src/lib/core/duration.js'
import { createMetrics } from '../../src/lib/serve/http/metrics.js'
import { drainDefaults } from '../../src/lib/serve/http/shutdown.js'
import { builtOnce } from '../support/binary.js'

interface Service {
  readonly image: string
  readonly profiles?: readonly string[]
  readonly entrypoint?: readonly string[]
  readonly command?: readonly string[]
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly depends_on?: unknown
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly stop_grace_period?: string
}
interface Panel {
  readonly type: string
  readonly title: string
  readonly targets?: readonly { readonly expr: string }[]
}
interface Manifest {
  readonly commands: Record<string, { readonly flags: Record<string, { readonly options?: readonly string[] }> }>
}

const composeText = readFileSync('docker-compose.yml', 'utf8')
const compose: { services: Record<string, Service>; volumes: Record<string, unknown> } = parse(composeText, {
  merge: true,
})
const services = Object.entries(compose.services)
const prometheus: {
  readonly rule_files: readonly string[]
  readonly scrape_configs: readonly { readonly static_configs: readonly { readonly targets: readonly string[] }[] }[]
} = parse(readFileSync('deploy/prometheus/prometheus.yml', 'utf8'))
const rules: { readonly groups: readonly { readonly rules: readonly { alert: string; expr: string }[] }[] } = parse(
  readFileSync('deploy/prometheus/alerts.yml', 'utf8'),
)
const dashboard: { readonly panels: readonly Panel[] } = JSON.parse(
  readFileSync('deploy/grafana/dashboards/ea.json', 'utf8'),
)
const alerts = rules.groups.flatMap((group) => group.rules)
const asked: readonly (readonly [who: string, expression: string])[] = [
  ...dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const)),
  ...alerts.map(({ alert, expr }) => [alert, expr] as const),
]

/** The commands of `ea` that are written in a service, a script of a service or a comment, with their arguments. */
function commandLines(): string[][] {
  const inServices = services
    .filter(([, { image, command }]) => image === 'ea' && command !== undefined)
    .flatMap(([, { entrypoint, command }]) => (entrypoint === undefined ? [[...command!]] : scriptCommands(command!)))
  const inComments = [...composeText.matchAll(/docker compose run --rm ea (.*)$/gm)].map(([, line]) =>
    words(line!.replace(/ {2,}#.*$/, '')),
  )
  return [...inServices, ...inComments]
}

function scriptCommands(command: readonly string[]): string[][] {
  return [...command.join('\n').matchAll(/\bea ([^;)\n]*)/g)].map(([, line]) => words(line!))
}

const words = (line: string) => line.trim().split(/\s+/)

/** Every metric with the labels it can have, and the values of those that are seen here. */
async function metricsOfServer(): Promise<Map<string, Map<string, Set<string>>>> {
  const metrics = createMetrics()
  const spool = { segments: 0, events: 0, bytes: 0, deadLetters: 0, requests: 0, oldestAt: null }
  metrics.watch({ state: { isDatabaseUp: true, waiting: 0, spool, lastCommitAt: null } })
  for (const status of [200, 304, 404, 500]) {
    for (const path of ['/health', '/ready', '/metrics']) metrics.observeRequest('GET', path, status, 0.1)
  }
  for (const cache of ['hit', 'miss'] as const) metrics.observeStat('dau', cache, 0.1)
  metrics.observeCommit(0.1)
  const found = new Map<string, Map<string, Set<string>>>()
  for (const [, name, given = ''] of (await metrics.text()).matchAll(/^([a-z_]\w*)(?:\{(.*)\})? \S+$/gm)) {
    const labels = found.get(name!) ?? new Map<string, Set<string>>()
    for (const [, label, value] of given.matchAll(/(\w+)="([^"]*)"/g)) {
      labels.set(label!, (labels.get(label!) ?? new Set()).add(value!))
    }
    found.set(name!, labels)
  }
  return found
}

test('every command and flag in docker-compose.yml exists', async () => {
  await builtOnce()
  const manifest: Manifest = JSON.parse(readFileSync('oclif.manifest.json', 'utf8'))
  const lines = commandLines()
  expect(lines.map(([command]) => command)).toEqual(expect.arrayContaining(['serve', 'db', 'keys', 'import']))
  for (const line of lines) {
    const id = [line.slice(0, 2).join(':'), line[0]!].find((name) => manifest.commands[name])
    expect(id, line.join(' ')).toBeDefined()
    const { flags } = manifest.commands[id!]!
    for (const [at, word] of line.entries()) {
      const [, name, value] = /^--([\w-]+)(?:=(.*))?$/.exec(word) ?? []
      if (name === undefined) continue
      expect(Object.keys(flags), line.join(' ')).toContain(name)
      const options = flags[name]!.options
      if (options !== undefined) expect(options).toEqual(expect.arrayContaining((value ?? line[at + 1]!).split(',')))
    }
  }
})

test('who waits for a service runs in a profile in which that service runs', () => {
  for (const [name, { profiles, depends_on = {} }] of services) {
    for (const other of Array.isArray(depends_on) ? depends_on : Object.keys(depends_on as object)) {
      const theirs = compose.services[other]!.profiles
      if (theirs !== undefined) expect(theirs, `${name} on ${other}`).toEqual(expect.arrayContaining([...profiles!]))
    }
  }
})

test('whoever publishes a port does so on this machine only', () => {
  const ports = services.flatMap(([, service]) => service.ports ?? [])
  expect(ports.length).toBeGreaterThan(3)
  for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\$\{\w+_PORT:-\d+\}:\d+$/)
})

test('every image but ours has a version, and every file and volume that is mounted is there', () => {
  for (const [name, { image, volumes = [] }] of services) {
    if (image !== 'ea') expect(image, name).toMatch(/:v?\d+\.\d+(\.\d+)?$/)
    for (const volume of volumes) {
      const source = volume.split(':')[0]!
      if (source.startsWith('.')) expect(existsSync(source), volume).toBe(true)
      else expect(Object.keys(compose.volumes), volume).toContain(source)
    }
  }
})

test('every profile in a comment exists', () => {
  const known = new Set(services.flatMap(([, { profiles = [] }]) => profiles))
  const named = [...composeText.matchAll(/--profile (\w+)/g)].map(([, profile]) => profile!)
  expect([...new Set(named)].sort()).toEqual(['monitoring', 'serve'])
  for (const profile of named) expect(known).toContain(profile)
})

test('the server may finish what it has accepted before it is killed, and its health is asked where it listens', () => {
  const serve = compose.services.serve!
  expect(durationMs(serve.stop_grace_period!, ['s'])).toBeGreaterThan(drainDefaults.limitMs + 10_000)
  const port = /--port=(\d+)/.exec(serve.command!.join(' '))![1]!
  expect(serve.healthcheck!.test.at(-1)).toContain(`http://127.0.0.1:${port}/ready`)
  const script = serve.healthcheck!.test.at(-1)!
  // Nobody listens there: the script must say so by its exit code.
  const { status, stderr } = spawnSync(process.execPath, ['-e', script.replace(port, '1')], { encoding: 'utf8' })
  expect({ status, stderr }).toEqual({ status: 1, stderr: '' })
  expect(serve.ports![0]).toMatch(new RegExp(`:${port}$`))
})

test('nothing in the containers is open to whoever comes: no --insecure', () => {
  for (const line of commandLines()) expect(line).not.toContain('--insecure')
})

test('Prometheus asks services that are there, on the port where the server listens', () => {
  const targets = prometheus.scrape_configs.flatMap((job) => job.static_configs.flatMap((one) => one.targets))
  expect(targets).toContain('serve:8080')
  for (const target of targets) expect(Object.keys(compose.services)).toContain(target.split(':')[0])
  for (const file of prometheus.rule_files) expect(existsSync(join('deploy/prometheus', file)), file).toBe(true)
})

test('every metric that a panel or an alert asks for is one of the server, with its labels', async () => {
  const metrics = await metricsOfServer()
  expect(asked.length).toBeGreaterThan(30)
  const used = new Set<string>()
  for (const [who, expression] of asked) {
    const bare = expression.replaceAll(/"[^"]*"/g, '""')
    const own = [...bare.matchAll(/\b(ea|process|nodejs)_\w+/g)].map(([name]) => name)
    // Those of the exporter of PostgreSQL are not ours to know; `up` is made by Prometheus itself.
    expect(own.length > 0 || /\b(pg_\w+|up)\b/.test(bare), `${who}: ${expression}`).toBe(true)
    for (const name of own) {
      expect([...metrics.keys()], `${who}: ${name}`).toContain(name)
      used.add(name.replace(/_(bucket|count|sum)$/, ''))
    }
    const labels = new Map([...own.flatMap((name) => [...metrics.get(name)!])])
    for (const [, label, operator, value] of expression.matchAll(/(\w+)(=~|!~|!=|=)"([^"]*)"/g)) {
      // Prometheus adds the job and the instance.
      if (['instance', 'job', 'datname'].includes(label!)) continue
      expect([...labels.keys()], `${who}: ${label}`).toContain(label)
      for (const one of operator!.endsWith('~') ? value!.split('|') : [value!]) {
        expect([...labels.get(label!)!], `${who}: ${label}=${one}`).toContain(one)
      }
    }
    for (const [, list] of bare.matchAll(/\bby \(([^)]*)\)/g)) {
      for (const label of list!.split(/,\s*/).filter((name) => name !== 'instance')) {
        expect([...labels.keys()], `${who}: by ${label}`).toContain(label)
      }
    }
  }
  // What the server counts, somebody looks at.
  const counted = [...metrics.keys()].filter((name) => name.startsWith('ea_'))
  expect([...new Set(counted.map((name) => name.replace(/_(bucket|count|sum)$/, '')))].sort()).toEqual(
    [...used].filter((name) => name.startsWith('ea_')).sort(),
  )
})

test('no two panels lie on top of each other', () => {
  const taken = new Map<string, string>()
  for (const { title, gridPos } of dashboard.panels as (Panel & { gridPos: Record<'x' | 'y' | 'w' | 'h', number> })[]) {
    expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect(taken.get(`${x} ${y}`), title).toBeUndefined()
        taken.set(`${x} ${y}`, title)
      }
    }
  }
})

const hasPromtool = spawnSync('promtool', ['--version']).status === 0

test.skipIf(!hasPromtool)(
  'promtool finds nothing, and each alert fires when it should (Debian package prometheus)',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'ea-deploy-'))
    try {
      // A panel's query is checked as a rule: with a value for each of Grafana's variables.
      const asRules = asked.map(([, expr], index) => ({
        record: `panel:${index}`,
        expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*'),
      }))
      writeFileSync(join(folder, 'panels.json'), JSON.stringify({ groups: [{ name: 'panels', rules: asRules }] }))
      const checks = [
        ['check', 'config', 'prometheus.yml'],
        ['check', 'rules', join(folder, 'panels.json')],
        ['test', 'rules', 'alerts.test.yml'],
      ]
      for (const args of checks) {
        const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: 'deploy/prometheus', encoding: 'utf8' })
        expect(status, `${args.join(' ')}\n${stdout}${stderr}`).toBe(0)
      }
      const played = readFileSync('deploy/prometheus/alerts.test.yml', 'utf8')
      for (const { alert } of alerts) expect(played).toContain(`alertname: ${alert}\n`)
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
)
