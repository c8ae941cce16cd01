// registry:2's configuration: config.yml with the REGISTRY_* variables over it, and who set what. Pure.
import type { Environment } from '../raw.ts'
import { decode, isTree, type Tree, type Value } from './decode.ts'
import { override } from './overrides.ts'
import { schema } from './schema.ts'
import { parseYaml, YamlError, type YamlNode } from './yaml-node.ts'

export const prefix = 'REGISTRY_'

export interface ConfigFileText {
  /** How it is called in messages: its path. */
  readonly name: string
  readonly text: string
}

export interface Registry2Configuration {
  readonly tree: Tree
  /** Who set it: a variable or `http.addr in FILE`; undefined when nobody did. */
  readonly setBy: (key: string) => SetBy | undefined
  readonly problems: readonly string[]
  /** Variables that mean nothing to it, sorted. */
  readonly ignored: readonly string[]
}

export interface SetBy {
  readonly name: string
  readonly source: 'environment' | 'file'
}

export function parseRegistry2(
  file: ConfigFileText | undefined,
  env: Environment,
): Registry2Configuration {
  const problems: string[] = []
  const ignored: string[] = []
  const anyKeyed = new WeakSet<Tree>()
  const notes = { anyKeyed: (map: Tree) => void anyKeyed.add(map) }
  let tree = file === undefined ? {} : readFile(file, problems, notes)
  const origins = new Map<string, string>()
  for (const [name, text] of variablesOf(env)) {
    const words = name.slice(prefix.length).split('_')
    tree = override(
      tree,
      schema,
      { words, text },
      {
        ...notes,
        problem: (sentence) => problems.push(`${name}: ${sentence}`),
        ignored: () => ignored.push(name),
        isAnyKeyed: (map) => anyKeyed.has(map),
        set: (path) => noteOrigin(origins, path.join('.'), name),
      },
    ) as Tree
  }
  if (problems.length === 0) problems.push(...contradictions(tree))
  return { tree, setBy: (key) => originOf(key, { tree, origins, file }), problems, ignored }
}

/** What stands at `http.addr`; undefined for nothing. */
export function valueAt(tree: Tree, key: string): Value {
  let value: Value = tree
  for (const word of key.split('.')) {
    if (!isTree(value)) return undefined
    value = value[word]
  }
  return value
}

/** `filesystem` of `{ filesystem: …, delete: … }`. */
export function typeOf(tree: Tree, section: 'storage' | 'auth'): string | undefined {
  return typesOf(tree, section)[0]
}

/** The name of the file itself says nothing that the program would not know. */
const notOurs = new Set(['REGISTRY_CONFIGURATION_PATH'])

function variablesOf(env: Environment): readonly (readonly [string, string])[] {
  const found: (readonly [string, string])[] = []
  for (const [name, value] of Object.entries(env)) {
    if (name.startsWith(prefix) && value !== undefined && !notOurs.has(name)) {
      found.push([name, value])
    }
  }
  return found.toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

function readFile(
  { name, text }: ConfigFileText,
  problems: string[],
  notes: { readonly anyKeyed: (map: Tree) => void },
): Tree {
  let node: YamlNode | undefined
  try {
    node = parseYaml(text)
  } catch (error) {
    if (!(error instanceof YamlError)) throw error
    problems.push(`${name}: ${error.message}`)
    return {}
  }
  const tree = decodeFile(node, (sentence) => problems.push(`${name}: ${sentence}`), notes)
  if (problems.length > 0) return tree
  const { version } = tree
  if (version !== '0.1') {
    problems.push(
      `${name}: unsupported version: "${typeof version === 'string' ? version : ''}"; it must begin with version: 0.1`,
    )
  }
  return tree
}

/** Field by field, so that a problem tells where it is. */
function decodeFile(
  node: YamlNode | undefined,
  problem: (sentence: string) => void,
  notes: { readonly anyKeyed: (map: Tree) => void },
): Tree {
  if (node?.kind !== 'map') {
    problem('must hold the configuration of a registry')
    return {}
  }
  const tree = Object.create(null) as Record<string, Value>
  for (const [key, value] of node.entries) {
    if (key.kind !== 'scalar') continue
    const field = Object.hasOwn(schema.fields, key.text) ? schema.fields[key.text] : undefined
    if (field === undefined) continue
    const { text } = key
    tree[text] = decode(value, field.shape, {
      ...notes,
      problem: (sentence) => problem(`${text}: ${sentence}`),
    })
    if (tree[text] === undefined) delete tree[text]
  }
  return tree
}

function noteOrigin(origins: Map<string, string>, path: string, name: string): void {
  for (const below of origins.keys()) if (below.startsWith(`${path}.`)) origins.delete(below)
  origins.set(path, name)
}

function originOf(
  key: string,
  {
    tree,
    origins,
    file,
  }: {
    readonly tree: Tree
    readonly origins: ReadonlyMap<string, string>
    readonly file: ConfigFileText | undefined
  },
): SetBy | undefined {
  if (valueAt(tree, key) === undefined) return undefined
  for (let path = key; ; path = path.slice(0, path.lastIndexOf('.'))) {
    const name = origins.get(path)
    if (name !== undefined) return { name, source: 'environment' }
    if (!path.includes('.')) break
  }
  // Set by a variable somewhere below.
  const below = [...origins].find(([path]) => path.startsWith(`${key}.`))
  if (below !== undefined && file === undefined) return { name: below[1], source: 'environment' }
  return file === undefined ? undefined : { name: `${key} in ${file.name}`, source: 'file' }
}

function* contradictions(tree: Tree): Generator<string> {
  const drivers = typesOf(tree, 'storage')
  if (drivers.length > 1) {
    yield `multiple storage drivers specified in configuration or environment: ${drivers.join(', ')}`
  }
  const doors = typesOf(tree, 'auth')
  if (doors.length > 1) {
    yield `auth: must provide exactly one type. Provided: [${doors.join(' ')}]`
  }
}

function typesOf(tree: Tree, section: 'storage' | 'auth'): readonly string[] {
  const found = tree[section]
  if (!isTree(found)) return []
  const shape = schema.fields[section]?.shape
  const besides = shape?.kind === 'typed' ? shape.besides : []
  return Object.keys(found).filter((key) => !besides.includes(key))
}
