// The parser against what distribution's own one answered to the same configurations and variables (recorded by
// test/registry2-parser/record.ts), and rules one by one.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'

import { parseRegistry2, typeOf, valueAt } from './configuration.ts'
import { isTree, type Tree, type Value } from './decode.ts'

interface Recorded {
  readonly config: number
  readonly env: Readonly<Record<string, string>>
  readonly tree?: Tree
  readonly error?: string
  readonly ignored: readonly string[]
}

const recording = new URL('../../../test/registry2-parser/recorded.json', import.meta.url)

/** Where we take what distribution gives up on, or refuse what it takes by chance; each is in the documentation. */
function isMeantToDiffer({ env, error, tree }: Recorded): boolean {
  // It forgets to look whether variables bring a second type, and takes one of them at random.
  if (isTree(tree?.['auth']) && Object.keys(tree['auth']).length > 1) return true
  // A list inside a map of lists cannot be lengthened there.
  if (error?.includes('unaddressable value') === true) return true
  return Object.keys(env).some((name) =>
    /_(?:HOSTS|CLIENTCAS|ENDPOINTS|ALLOW|DENY)_\d+$/.test(name),
  )
}

test('configurations and variables mean what they mean to the parser of distribution', async (t) => {
  const { configs, cases } = JSON.parse(await readFile(recording, 'utf8')) as {
    readonly configs: readonly string[]
    readonly cases: readonly Recorded[]
  }
  let compared = 0
  let refused = 0
  for (const recorded of cases) {
    if (isMeantToDiffer(recorded)) continue
    compared += 1
    const { env, error, tree } = recorded
    const text = configs[recorded.config] ?? ''
    const found = parseRegistry2({ name: 'config.yml', text }, env)
    const told = JSON.stringify({ env, text, error, problems: found.problems }, undefined, 1)
    const problems = [...found.problems]
    if (typeOf(found.tree, 'storage') === undefined) problems.push('no storage')
    assert.equal(problems.length > 0, error !== undefined, told)
    if (error !== undefined) {
      refused += 1
      continue
    }
    assert.deepEqual(plain(converted(found.tree)), plain(withoutUnknown(tree ?? {})), told)
    const ignored = recorded.ignored.filter((name) => found.ignored.includes(name))
    assert.deepEqual(ignored, recorded.ignored, told)
  }
  t.diagnostic(`${compared} of ${cases.length} cases compared, ${refused} of them refused by both`)
  assert.ok(compared > 400)
  assert.ok(refused > 80)
})

/** What the parser of distribution fills in at its end. */
function converted(tree: Tree): Tree {
  const { loglevel, ...rest } = tree
  const level = valueAt(tree, 'log.level') ?? loglevel ?? 'info'
  const most = valueAt(tree, 'catalog.maxentries')
  const maxentries = typeof most === 'number' && most > 0 ? most : 1000
  return { ...rest, log: { ...(rest['log'] as Tree | undefined), level }, catalog: { maxentries } }
}

function withoutUnknown(tree: Tree): Tree {
  return Object.fromEntries(Object.entries(tree).filter(([key]) => key !== 'redis'))
}

/** As JSON, with what is zero left out of structs, which these keys are not. */
const maps = /^(?:storage|auth|log\.fields|http\.headers|middleware)|\.headers$/
const pointers = /^proxy\.(?:ttl|exec)/

function plain(value: Value, path = ''): unknown {
  if (Array.isArray(value)) {
    return (value as readonly Value[]).map((item) => plain(item, `${path}.0`))
  }
  // Parameters that are nil in Go.
  if (value === undefined && /^(?:storage|auth)\.[^.]*$/.test(path)) return {}
  if (value === null || !isTree(value)) return value ?? null
  const isMap = maps.test(path)
  const kept = Object.entries(value)
    .map(([key, each]) => {
      const below = path === '' ? key : `${path}.${key}`
      return [key, plain(each, below), below] as const
    })
    .filter(([key, each, below]) => isMap || pointers.test(below) || !isZero(each, key))
  return Object.fromEntries(kept)
}

function isZero(value: unknown, key: string): boolean {
  if (['storage', 'auth'].includes(key)) return value === null
  if (Array.isArray(value)) return value.length === 0
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0
  return value === null || value === '' || value === 0 || value === false
}
