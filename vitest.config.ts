import { defaultExclude, defineConfig } from 'vitest/config'
import { effort, seed } from './test/support/effort-of-run.js'

/**
 * Tests in tiers, told by the end of a file's name:
 *
 * - `unit` (`x.test.ts`): no database, no process of its own;
 * - `db` (`x.db.test.ts`): on a real PostgreSQL, one database for each worker, emptied for each test;
 * - `cli` (`x.cli.test.ts`): `ea` as a user runs it, also compared with what the server and the library answer;
 * - `proof` (`x.proof.test.ts`): kills, interleavings, a million records, full disks, browsers, the package, the guide.
 *
 * `npm test` runs the first three, quick. `npm run test:proof` runs the last one, `npm run test:properties` every property
 * with all of its cases.
 */
const tiers = ['db', 'cli', 'proof']

const onServer = {
  globalSetup: ['test/support/postgres/global-setup.ts'],
  // The program as it was built, loaded by Node: it stays loaded from file to file.
  server: { deps: { external: [/\/dist\//] } },
}

const sayEffort = {
  onInit: () =>
    process.stdout.write(`Effort: ${effort} (EA_TEST_EFFORT). Random cases of ${seed} (EA_TEST_SEED repeats a day).\n`),
}

export default defineConfig({
  test: {
    reporters: ['default', sayEffort],
    disableConsoleIntercept: true,
    // What Vite makes of each source is kept for the next run. Runs that .ci/run starts side by side differ in one of these: two
    // that write one folder read halves of each other's files.
    experimental: {
      fsModuleCache: true,
      fsModuleCachePath: `.cache/vitest/${process.version}-${process.env.EA_TEST_POSTGRES ?? 'newest'}-${effort}`,
    },
    // The default leaves half of a machine with two cores idle: tests wait for PostgreSQL and for processes.
    maxWorkers: Number(process.env.EA_TEST_WORKERS ?? 2),
    // For what hangs, and not for what is slow: a machine may have other work.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 120_000, interval: 20 } },
    tags: [{ name: 'property', timeout: effort === 'full' ? 3_600_000 : 300_000 }],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          globalSetup: ['test/support/compile-kernel.ts'],
          include: ['test/**/*.test.ts'],
          exclude: [...defaultExclude, ...tiers.map((tier) => `test/**/*.${tier}.test.ts`)],
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          ...onServer,
          name: 'db',
          include: ['test/**/*.db.test.ts'],
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          ...onServer,
          name: 'cli',
          include: ['test/**/*.cli.test.ts'],
          isolate: false,
        },
      },
      {
        extends: true,
        test: { ...onServer, name: 'proof', include: ['test/**/*.proof.test.ts'] },
      },
    ],
  },
})
