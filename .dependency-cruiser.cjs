// The layers of docs/architecture.md: a file imports only from lower ranks.
const ranks = [
  ['core', '^src/lib/core/'],
  ['os|generate|present', '^src/lib/(os|generate|present)/'],
  ['db', '^src/lib/db/'],
  ['rollups', '^src/lib/rollups/'],
  ['batches|columns|keys', '^src/lib/(batches|columns|keys)/'],
  ['load|stats', '^src/lib/(load|stats)/'],
  ['import|ingest|export|checks', '^src/lib/(import|ingest|export|checks)/'],
  ['report', '^src/lib/report/'],
  ['skins', '^src/lib/(cli|serve)/'],
  ['commands', '^src/(commands/|index\\.ts$)'],
]
const upward = ranks.slice(0, -1).map(([name, from], rank) => ({
  name: `no-upward-import-from-${name}`,
  comment: 'Data goes in, is stored and comes out: a file imports only from lower ranks.',
  severity: 'error',
  from: { path: from },
  to: { path: ranks.slice(rank + 1).map(([, path]) => path) },
}))

module.exports = {
  forbidden: [
    ...upward,
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'ways-in-and-questions-are-strangers',
      severity: 'error',
      from: { path: '^src/lib/(load|import|ingest)/' },
      to: { path: '^src/lib/stats/' },
    },
    {
      name: 'questions-and-ways-in-are-strangers',
      severity: 'error',
      from: { path: '^src/lib/stats/' },
      to: { path: '^src/lib/load/' },
    },
    {
      name: 'import-and-ingest-are-strangers',
      comment: 'What both need is in load.',
      severity: 'error',
      from: { path: '^src/lib/(import|ingest)/' },
      to: { path: '^src/lib/(import|ingest)/', pathNot: '^src/lib/$1/' },
    },
    {
      name: 'only-the-terminal-skin-knows-the-terminal',
      comment: 'The library has never heard of oclif or ora.',
      severity: 'error',
      from: { path: '^src/lib/', pathNot: '^src/lib/cli/' },
      to: { path: 'node_modules/(@oclif|ora)/' },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: '^src/(index|commands/.*)\\.ts$' },
      to: {},
    },
    { name: 'not-to-dev-dependency', severity: 'error', from: { path: '^src/' }, to: { dependencyTypes: ['npm-dev'] } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Made of the modules beside it.
    exclude: { path: 'serve/page/files/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types'] },
  },
}
