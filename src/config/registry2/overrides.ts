// Variables over a configuration, as distribution applies them: sorted by name, each a path of field names with `_` between,
// its value read as YAML. Reference: distribution v3.0.0 configuration/parser.go. Where that one gives up (a list of plain
// values by index, an element of a list as a whole), the value is set as it was meant.
import { decode, isTree, type DecodeNotes, type Tree, type Value } from './decode.ts'
import { envNameOf, type Shape } from './shape.ts'
import { parseYaml, YamlError, type YamlNode } from './yaml-node.ts'

export interface OverrideNotes {
  readonly problem: (sentence: string) => void
  /** The variable means nothing, or cannot reach what it names. */
  readonly ignored: () => void
  readonly anyKeyed: (map: Tree) => void
  readonly isAnyKeyed: (map: Tree) => boolean
  /** Where it was set: keys of the configuration. */
  readonly set: (path: readonly string[]) => void
}

interface Override extends OverrideNotes {
  readonly text: string
}

/** `words` is what stands after REGISTRY_, split. */
export function override(
  tree: Value,
  shape: Shape,
  variable: { readonly words: readonly string[]; readonly text: string },
  notes: OverrideNotes,
): Value {
  return change(tree, shape, { words: variable.words, keys: [] }, { ...notes, text: variable.text })
}

interface Path {
  /** Still to go, as the variable has them. */
  readonly words: readonly string[]
  /** Gone, as the configuration has them. */
  readonly keys: readonly string[]
}

const step = ({ words, keys }: Path, key: string): Path => ({
  words: words.slice(1),
  keys: [...keys, key],
})

function change(current: Value, shape: Shape, path: Path, override: Override): Value {
  const [word] = path.words
  if (word === undefined) return leaf(current, shape, path, override)
  switch (shape.kind) {
    case 'struct':
      return changeStruct(current, shape, path, override)
    case 'map':
      return changeMap(current, shape.of, path, override)
    case 'typed':
      return changeMap(current, { kind: 'map', of: { kind: 'any' } }, path, override)
    case 'list':
      return changeList(current, shape.of, path, override)
    case 'any':
      return changeAnything(current, path, override)
    default:
      override.ignored()
      return current
  }
}

/** Replaces what is there; a value that cannot be read leaves it. */
function leaf(current: Value, shape: Shape, { keys }: Path, override: Override): Value {
  let node: YamlNode | undefined
  let failed = false
  const notes: DecodeNotes = {
    problem(sentence) {
      failed = true
      override.problem(sentence)
    },
    anyKeyed: override.anyKeyed,
  }
  try {
    node = parseYaml(override.text)
  } catch (error) {
    if (!(error instanceof YamlError)) throw error
    const hint = /^[[{]?\s*\*/.test(override.text) ? `; quote a star: "['*']"` : ''
    notes.problem(`cannot be read as YAML: ${error.message}${hint}`)
  }
  const value = decode(node, shape, notes)
  if (failed) return current
  override.set(keys)
  return value
}

function changeStruct(
  current: Value,
  { fields }: Extract<Shape, { readonly kind: 'struct' }>,
  path: Path,
  override: Override,
): Value {
  const [word] = path.words
  const found = Object.entries(fields).find(
    ([key, field]) => envNameOf(key, field) === word || key.toUpperCase() === word,
  )
  if (found === undefined) {
    override.ignored()
    return current
  }
  const [key, { shape }] = found
  const tree = isTree(current) ? current : {}
  const value = change(tree[key], shape, step(path, key), override)
  return withKey(tree, key, value)
}

function changeMap(current: Value, of: Shape, path: Path, override: Override): Value {
  const tree = isTree(current) ? current : {}
  const [word = ''] = path.words
  const isLeaf = path.words.length === 1
  const there = isLeaf
    ? undefined
    : Object.keys(tree).find((key) => key.toUpperCase() === word && tree[key] !== undefined)
  const key = there ?? word.toLowerCase()
  const before = there === undefined ? undefined : tree[there]
  const value = change(before, of, step(path, key), override)
  // An empty value makes a key of a map of maps all the same.
  return withKey(tree, key, value ?? (of.kind === 'map' ? {} : undefined), true)
}

function changeList(current: Value, of: Shape, path: Path, override: Override): Value {
  const items = Array.isArray(current) ? (current as readonly Value[]) : []
  const [word = ''] = path.words
  const index = /^[-+]?\d+$/.test(word) ? Number(word) : NaN
  if (Number.isNaN(index)) {
    override.problem(`non-numeric index: ${word}`)
    return current
  }
  if (index < 0 || index > items.length) {
    override.problem(`undefined index: ${word}; the list has ${items.length} so far`)
    return current
  }
  return index === items.length
    ? [...items, change(undefined, of, step(path, String(index)), override)]
    : items.with(index, change(items[index], of, step(path, String(index)), override))
}

function changeAnything(current: Value, path: Path, override: Override): Value {
  if (Array.isArray(current)) return changeList(current, { kind: 'any' }, path, override)
  if (current === undefined) return changeMap({}, { kind: 'any' }, path, override)
  if (isTree(current) && !override.isAnyKeyed(current)) {
    return changeMap(current, { kind: 'any' }, path, override)
  }
  override.ignored()
  return current
}

/** A copy; undefined takes a field away, but stays as the value of a map's key. */
function withKey(tree: Tree, key: string, value: Value, keep = false): Tree {
  const copy = Object.assign(Object.create(null) as Record<string, Value>, tree)
  if (value === undefined && !keep) delete copy[key]
  else copy[key] = value
  return copy
}
