// The linter's settings. The layer table below is the architecture of src/ (ARCHITECTURE.md),
// written once: it becomes one no-restricted-imports override per folder and depth. An override
// replaces the rule and does not add to it, so each override carries the whole rule.
import { defineConfig } from 'oxlint'

/** Which folders of src/ a folder may import. The table is the architecture; it has no cycle. */
export const layers: Readonly<Record<string, readonly string[]>> = {
  oci: [],
  streams: [],
  certificates: [],
  config: [],
  storage: ['oci', 'streams'],
  metadata: ['oci'],
  contract: ['oci'],
  outbound: [],
  'sign-on': ['streams', 'outbound'],
  auth: ['oci', 'metadata'],
  audit: ['metadata'],
  registry: ['oci', 'streams', 'storage', 'metadata'],
  fsck: ['oci', 'streams', 'storage', 'metadata'],
  collection: ['oci', 'storage', 'metadata', 'registry'],
  journal: ['oci', 'streams', 'storage', 'metadata', 'registry'],
  adoption: ['oci', 'streams', 'storage', 'metadata', 'registry'],
  backup: ['oci', 'streams', 'storage', 'metadata', 'fsck'],
  notifications: ['oci', 'outbound'],
  metrics: [],
  access: ['oci', 'metadata', 'auth', 'audit', 'sign-on'],
  installation: ['oci', 'certificates', 'metadata', 'auth', 'audit', 'registry', 'access'],
  http: [
    'oci',
    'streams',
    'storage',
    'metadata',
    'contract',
    'sign-on',
    'auth',
    'audit',
    'registry',
    'fsck',
    'collection',
    'notifications',
    'metrics',
    'access',
    'installation',
  ],
  cli: ['oci', 'config', 'contract'],
}

/** Above the table: may import every folder and src/compose*.ts; nothing but these and src/main.ts imports it. */
export const topFolder = 'process'

/** Libraries that stay inside one folder, so that replacing them is a change to that folder. */
const confined: Readonly<Record<string, string>> = {
  kysely: 'metadata',
  pg: 'metadata',
  'openid-client': 'sign-on',
  ldapts: 'sign-on',
  'prom-client': 'metrics',
}

const testFiles = [
  '**/*.test.{ts,mjs}',
  '**/*-suite.ts',
  '**/suite-cases/**',
  '**/test-support/**',
  'test/**/*.ts',
]
const deepest = 4

type Rule = [
  'error',
  {
    paths: { name: string; importNames?: string[]; message: string }[]
    patterns: ({ group: string[]; message: string } | { regex: string; message: string })[]
  },
]

/** The whole rule for one folder: what the table forbids, confined libraries, drivers, the environment. */
function restrictedImports(folder: string, layer: { group: string[]; message: string }[]): Rule {
  const libraries = Object.entries(confined)
    .filter(([, home]) => home !== folder)
    .map(([name, home]) => ({ name, message: `Only ${home}/ may import ${name}.` }))
  const environment = {
    name: 'node:process',
    importNames: ['env'],
    message: 'The environment is read by src/main.ts and config/ alone.',
  }
  const drivers = {
    regex: '(^|/)(drivers|dialects)/',
    message: 'Only src/compose.ts chooses drivers and dialects. See ARCHITECTURE.md.',
  }
  // Drivers first: oxlint asks no further pattern once an exception of one has matched.
  return ['error', { paths: [...libraries, environment], patterns: [drivers, ...layer] }]
}

/** A file `depth` folders below src/ reaches the other folders of src/ by exactly `depth` times `../`. */
function layerRule(folder: string, allowed: readonly string[], depth: number): Rule {
  const up = '../'.repeat(depth)
  const may = allowed.length === 0 ? 'no other folder' : `only: ${allowed.join(', ')}`
  return restrictedImports(folder, [
    {
      group: [`${up}*`, `${up}*/**`, ...[...allowed, folder].map((name) => `!${up}${name}/**`)],
      message: `${folder}/ may import ${may}. See ARCHITECTURE.md.`,
    },
  ])
}

function layerOverrides(): { files: string[]; rules: { 'no-restricted-imports': Rule } }[] {
  const depths = Array.from({ length: deepest }, (_, index) => index + 1)
  return Object.entries(layers).flatMap(([folder, allowed]) =>
    depths.map((depth) => ({
      files: [`src/${folder}/${'*/'.repeat(depth - 1)}*.ts`],
      rules: { 'no-restricted-imports': layerRule(folder, allowed, depth) },
    })),
  )
}

const unlisted = {
  group: ['../**'],
  message: 'This folder is not in the layer table of oxlint.config.ts: add it there first.',
}

export default defineConfig({
  plugins: ['typescript', 'import', 'node', 'unicorn', 'oxc', 'promise'],
  options: { typeAware: true, reportUnusedDisableDirectives: 'error' },
  ignorePatterns: ['node_modules', '.node', 'dist', 'data', 'results'],
  categories: { correctness: 'error' },
  rules: {
    // Structure
    'import/no-cycle': 'error',
    'import/no-default-export': 'error',
    'max-lines': ['error', { max: 400 }],
    'max-lines-per-function': ['error', { max: 80 }],
    'max-depth': ['error', 3],
    'max-params': ['error', 4],
    'node/no-process-env': 'error',

    // Promises and errors
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/await-thenable': 'error',
    'typescript/return-await': ['error', 'error-handling-correctness-only'],
    'typescript/only-throw-error': 'error',
    'typescript/prefer-promise-reject-errors': 'error',
    'typescript/switch-exhaustiveness-check': [
      'error',
      { considerDefaultExhaustiveForUnions: true },
    ],
    'promise/no-multiple-resolved': 'error',

    // Types
    'typescript/no-explicit-any': 'error',
    'typescript/no-non-null-assertion': 'error',
    'typescript/no-unsafe-argument': 'error',
    'typescript/no-unsafe-assignment': 'error',
    'typescript/no-unsafe-call': 'error',
    'typescript/no-unsafe-member-access': 'error',
    'typescript/no-unsafe-return': 'error',
    'typescript/no-unnecessary-type-assertion': 'error',
    'typescript/consistent-type-imports': 'error',
    'typescript/ban-ts-comment': 'error',

    // Habits
    eqeqeq: 'error',
    'no-var': 'error',
    'prefer-const': 'error',
    'no-console': 'error',
    'no-else-return': 'error',
    'no-param-reassign': 'error',
    'unicorn/prefer-node-protocol': 'error',
    'unicorn/no-array-reduce': 'error',
  },
  overrides: [
    { files: ['src/*.ts'], rules: { 'no-restricted-imports': restrictedImports('', []) } },
    {
      files: ['src/*/**/*.ts'],
      rules: { 'no-restricted-imports': restrictedImports('', [unlisted]) },
    },
    ...layerOverrides(),
    {
      files: [`src/${topFolder}/**/*.ts`],
      rules: { 'no-restricted-imports': restrictedImports(topFolder, []) },
    },
    // The composition root is the one place that names drivers, dialects and everything else.
    { files: ['src/compose*.ts'], rules: { 'no-restricted-imports': 'off' } },
    { files: ['src/config/**/*.ts', 'src/main.ts'], rules: { 'node/no-process-env': 'off' } },
    {
      files: testFiles,
      rules: {
        'no-restricted-imports': 'off',
        'max-lines-per-function': 'off',
        'max-depth': 'off',
        'max-params': 'off',
        'typescript/require-array-sort-compare': 'off',
        'node/no-process-env': 'off',
        'no-control-regex': 'off',
        'typescript/no-non-null-assertion': 'off',
        'typescript/unbound-method': 'off',
        // node:test returns promises from test() and suite() that the runner itself awaits.
        'typescript/no-floating-promises': [
          'error',
          {
            allowForKnownSafeCalls: [
              { from: 'package', package: 'node:test', name: ['test', 'it', 'describe', 'suite'] },
            ],
          },
        ],
      },
    },
    {
      // Plain JavaScript, outside tsconfig.json: it runs before TypeScript can.
      files: ['scripts/**/*.mjs', 'container/**/*.mjs'],
      rules: {
        'no-console': 'off',
        'node/no-process-env': 'off',
        'typescript/no-unsafe-argument': 'off',
        'typescript/no-unsafe-assignment': 'off',
        'typescript/no-unsafe-call': 'off',
        'typescript/no-unsafe-member-access': 'off',
        'typescript/no-unsafe-return': 'off',
      },
    },
    // Loaded by the tools, which want a default export.
    {
      files: ['*.config.ts', 'scripts/reporter.mjs'],
      rules: { 'import/no-default-export': 'off' },
    },
  ],
})
