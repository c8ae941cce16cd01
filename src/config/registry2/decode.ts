// A YAML value as the type that its place has, by the rules of Go's yaml.v2: a text takes whatever was written, a list needs
// a list, zero values are absent. Pure but for the notes it is given.
import { parseGoDuration } from './go-duration.ts'
import type { Shape } from './shape.ts'
import type { Meaning, YamlNode } from './yaml-node.ts'

/** What was read: plain objects, arrays, texts, numbers (durations are nanoseconds) and booleans. */
export type Value = string | number | boolean | undefined | readonly Value[] | Tree

export interface Tree {
  readonly [key: string]: Value
}

export interface DecodeNotes {
  readonly problem: (sentence: string) => void
  /** Hears of maps whose keys may be anything: no variable reaches into them, in Go. */
  readonly anyKeyed: (map: Tree) => void
}

/** undefined: null, or nothing that can be used; then it has been told. */
export function decode(node: YamlNode | undefined, shape: Shape, notes: DecodeNotes): Value {
  if (node === undefined || isNull(node)) return undefined
  switch (shape.kind) {
    case 'any':
      return decodeAnything(node, notes)
    case 'list':
      if (node.kind !== 'list') return wrong(node, 'a list, such as [a, b]', notes)
      return node.items.map((item) => decode(item, shape.of, notes) ?? zeroOf(shape.of))
    case 'map':
      if (node.kind !== 'map') return wrong(node, 'a map of keys and values', notes)
      return decodeMap(node.entries, () => shape.of, notes)
    case 'struct':
      if (node.kind !== 'map') return wrong(node, 'a map of keys and values', notes)
      return withoutZeros(decodeMap(node.entries, (key) => shape.fields[key]?.shape, notes))
    case 'typed':
      return decodeTyped(node, shape, notes)
    default:
      return node.kind === 'scalar'
        ? decodeScalar(node, shape, notes)
        : wrong(node, nameOf[shape.kind], notes)
  }
}

/** What Go has where nothing was said. */
export function zeroOf(shape: Shape): Value {
  switch (shape.kind) {
    case 'text':
    case 'choice':
      return ''
    case 'switch':
      return false
    case 'number':
    case 'duration':
      return 0
    case 'struct':
      return {}
    case 'list':
    case 'map':
    case 'any':
    case 'typed':
      return undefined
  }
}

export function isTree(value: Value): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const nameOf = {
  text: 'a text',
  choice: 'a word',
  switch: 'true or false',
  number: 'a whole number',
  duration: 'a duration, such as 168h or 1h30m',
} as const

function isNull(node: YamlNode): boolean {
  return node.kind === 'scalar' && node.meaning === undefined
}

function wrong(node: YamlNode, wanted: string, { problem }: DecodeNotes): undefined {
  const found = node.kind === 'scalar' ? JSON.stringify(shorten(node.text)) : `a ${node.kind}`
  problem(`must be ${wanted}, not ${found}`)
}

const shorten = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}…` : text)

type Scalar = Extract<YamlNode, { readonly kind: 'scalar' }>
type ScalarShape = Extract<Shape, { readonly kind: keyof typeof nameOf }>

function decodeScalar(node: Scalar, shape: ScalarShape, notes: DecodeNotes): Value {
  const { text, meaning } = node
  switch (shape.kind) {
    case 'text':
      return text
    case 'switch':
      return typeof meaning === 'boolean' ? meaning : wrong(node, nameOf.switch, notes)
    case 'choice': {
      const word = shape.lower ? text.toLowerCase() : text
      if (shape.choices.includes(word)) return word
      notes.problem(
        `invalid ${shape.what} ${shorten(text)} Must be one of [${shape.choices.join(', ')}]`,
      )
      return undefined
    }
    case 'number':
      return wholeOf(meaning) ?? wrong(node, nameOf.number, notes)
    case 'duration':
      return (
        (typeof meaning === 'string' ? parseGoDuration(meaning) : wholeOf(meaning)) ??
        wrong(node, nameOf.duration, notes)
      )
  }
}

/** Go cuts fractions off. */
function wholeOf(meaning: Meaning): number | undefined {
  return typeof meaning === 'number' && Number.isFinite(meaning) ? Math.trunc(meaning) : undefined
}

function decodeMap(
  entries: Extract<YamlNode, { readonly kind: 'map' }>['entries'],
  shapeOf: (key: string) => Shape | undefined,
  notes: DecodeNotes,
): Tree {
  const found: Record<string, Value> = emptyTree()
  for (const [key, node] of entries) {
    if (key.kind !== 'scalar') continue
    const shape = shapeOf(key.text)
    if (shape !== undefined) found[key.text] = decode(node, shape, notes)
  }
  return found
}

/** Keys come from outside: `__proto__` is a key like any other. */
const emptyTree = (): Record<string, Value> => Object.create(null) as Record<string, Value>

function withoutZeros(tree: Tree): Tree {
  const kept = emptyTree()
  for (const [key, value] of Object.entries(tree)) if (value !== undefined) kept[key] = value
  return kept
}

function decodeAnything(node: YamlNode, notes: DecodeNotes): Value {
  if (node.kind === 'scalar') return node.meaning
  if (node.kind === 'list') return node.items.map((item) => decodeAnything(item, notes))
  const tree = decodeMap(node.entries, () => ({ kind: 'any' }), notes)
  notes.anyKeyed(tree)
  return tree
}

/** `storage: filesystem` is that type without parameters. */
function decodeTyped(
  node: YamlNode,
  { what, besides }: Extract<Shape, { readonly kind: 'typed' }>,
  notes: DecodeNotes,
): Value {
  if (node.kind === 'list') return wrong(node, `a ${what} and its parameters`, notes)
  if (node.kind === 'scalar') return { [node.text]: emptyTree() }
  const tree = decodeMap(node.entries, () => ({ kind: 'map', of: { kind: 'any' } }), notes)
  const types = Object.keys(tree).filter((key) => !besides.includes(key))
  if (types.length <= 1) return tree
  notes.problem(`must provide exactly one ${what}. Provided: [${types.join(' ')}]`)
  return undefined
}
