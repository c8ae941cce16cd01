// YAML as Go's yaml.v2 reads it, which is how registry:2 read every file and every variable: YAML 1.1 words for true and
// false, octal numbers, and of a scalar both what it means and how it was written. Pure.
import { isAlias, isMap, isScalar, isSeq, parseAllDocuments } from 'yaml'
import type { Document } from 'yaml'

export type YamlNode =
  | { readonly kind: 'scalar'; readonly text: string; readonly meaning: Meaning }
  | { readonly kind: 'list'; readonly items: readonly YamlNode[] }
  | { readonly kind: 'map'; readonly entries: readonly YamlEntry[] }

export type YamlEntry = readonly [key: YamlNode, value: YamlNode]

/** What a scalar means where any type may stand; undefined is null. */
export type Meaning = string | number | boolean | undefined

export class YamlError extends Error {
  override readonly name = 'YamlError'
}

/** Far more than any configuration has, and few enough that aliases of aliases end soon. */
const mostNodes = 20_000

/** undefined: there is nothing in the text. @throws {YamlError} */
export function parseYaml(text: string): YamlNode | undefined {
  const documents = parseAllDocuments(text, {
    schema: 'failsafe',
    version: '1.1',
    uniqueKeys: false,
    logLevel: 'silent',
  })
  // Of several documents yaml.v2 reads the first.
  const document = Array.isArray(documents) ? documents[0] : undefined
  if (document === undefined) return undefined
  const [error] = document.errors
  if (error !== undefined) throw new YamlError(firstLine(error.message))
  if (document.contents === null) return undefined
  return readNode(document.contents, { document, budget: { left: mostNodes } })
}

interface Reading {
  readonly document: Document
  readonly budget: { left: number }
}

function readNode(node: unknown, reading: Reading): YamlNode {
  reading.budget.left -= 1
  if (reading.budget.left < 0) throw new YamlError('it holds too much')
  if (isAlias(node)) {
    const target = node.resolve(reading.document)
    if (target === undefined) throw new YamlError(`there is no anchor ${node.source}`)
    return readNode(target, reading)
  }
  if (isMap(node)) return { kind: 'map', entries: readEntries(node.items, reading) }
  if (isSeq(node)) return { kind: 'list', items: node.items.map((item) => readNode(item, reading)) }
  if (!isScalar(node)) return scalar('', undefined)
  // Of this schema every scalar is a text.
  const text = typeof node.value === 'string' ? node.value : ''
  const isPlain = node.type === 'PLAIN' || node.type === undefined
  const isText = node.tag?.endsWith(':str') === true
  return scalar(text, isPlain && !isText ? resolvePlain(text) : text)
}

const scalar = (text: string, meaning: Meaning): YamlNode => ({ kind: 'scalar', text, meaning })

interface Pair {
  readonly key: unknown
  readonly value: unknown
}

/** The entries, with those of `<<` before the map's own, so that its own win. */
function readEntries(pairs: readonly Pair[], reading: Reading): readonly YamlEntry[] {
  const merged: YamlEntry[] = []
  const own: YamlEntry[] = []
  for (const pair of pairs) {
    const key = readNode(pair.key, reading)
    const value = readNode(pair.value, reading)
    if (key.kind !== 'scalar') throw new YamlError('a key must be a word')
    if (key.text !== '<<') own.push([key, value])
    else merged.push(...mergedEntries(value))
  }
  return [...merged, ...own]
}

function mergedEntries(value: YamlNode): readonly YamlEntry[] {
  if (value.kind === 'map') return value.entries
  if (value.kind === 'scalar') throw new YamlError('<< needs a map')
  // The first one wins.
  return value.items.toReversed().flatMap((item) => mergedEntries(item))
}

const words: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map(
    (word) => [word, true] as const,
  ),
  ...['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map(
    (word) => [word, false] as const,
  ),
  ...['', '~', 'null', 'Null', 'NULL'].map((word) => [word, undefined] as const),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map((word) => [word, Infinity] as const),
  ...['-.inf', '-.Inf', '-.INF'].map((word) => [word, -Infinity] as const),
  ...['.nan', '.NaN', '.NAN'].map((word) => [word, NaN] as const),
])

const float = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/
const integer = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))$/

function resolvePlain(text: string): Meaning {
  if (words.has(text)) return words.get(text)
  if (!/^[-+.0-9]/.test(text)) return text
  const plain = text.replaceAll('_', '')
  const [, sign, hex, binary, octal, decimal] = integer.exec(plain) ?? []
  if (sign !== undefined) {
    const value = numberOf([hex, 16], [binary, 2], [octal, 8], [decimal, 10])
    return sign === '-' ? -value : value
  }
  return float.test(plain) ? Number(plain) : text
}

function numberOf(...forms: readonly (readonly [string | undefined, number])[]): number {
  const [digits, base] = forms.find(([found]) => found !== undefined) ?? ['0', 10]
  return Number.parseInt(digits ?? '0', base)
}

const firstLine = (text: string): string => text.split('\n', 1)[0]?.replace(/:$/, '') ?? text
