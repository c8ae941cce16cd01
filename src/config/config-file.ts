// Reads carrel.yaml: settings by their keys, nested (`tls: { key: … }`). JSON is YAML, so it works as well.
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

import { didYouMean } from './did-you-mean.ts'
import { codeOf } from './error-code.ts'
import type { RawValue } from './raw.ts'
import { Secret } from './secret.ts'
import { settings } from './settings.ts'
import type { SettingKey } from './settings.ts'

export interface FilePlace {
  readonly path: string
  /** What named the file; then it is a problem when it is not there. */
  readonly namedBy?: string
}

export interface FileContent {
  readonly file?: string
  readonly values: Partial<Record<SettingKey, RawValue>>
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
}

export async function readConfigFile({ path, namedBy }: FilePlace): Promise<FileContent> {
  const nothing = { values: {}, problems: [], warnings: [] }
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    const code = codeOf(error)
    const isAbsent = code === 'ENOENT' || code === 'ENOTDIR'
    if (isAbsent && namedBy === undefined) return nothing
    const what = isAbsent ? 'there is no such file' : `cannot be read (${code})`
    return { ...nothing, problems: [`${namedBy ?? 'carrel.yaml'} "${path}": ${what}`] }
  }
  return parseConfigFile(path, text)
}

async function parseConfigFile(path: string, text: string): Promise<FileContent> {
  // Loaded only when there is a file: most commands start without one.
  const { parseDocument } = await import('yaml')
  const document = parseDocument(text)
  const broken = document.errors.map((error) => `${path}: ${firstLine(error.message)}`)
  if (broken.length > 0) return { file: path, values: {}, problems: broken, warnings: [] }
  const tree: unknown = document.toJS({ maxAliasCount: 100 }) ?? {}
  if (!isTree(tree)) {
    const problems = [`${path}: must hold settings, such as "listen: 0.0.0.0:5443"`]
    return { file: path, values: {}, problems, warnings: [] }
  }
  return { file: path, ...(await collect(path, tree)) }
}

async function collect(path: string, tree: Tree) {
  const leaves = new Map(flatten(tree, ''))
  const values: Partial<Record<SettingKey, RawValue>> = {}
  const problems: string[] = []
  const known: string[] = []
  for (const { key, secret } of settings) {
    const name = `${key} in ${path}`
    const source = { source: 'file', base: dirname(path) } as const
    known.push(key)
    const value = leaves.get(key) ?? undefined
    if (value !== undefined)
      values[key] = { value: secret ? secretOf(value) : value, name, ...source }
    if (!secret) continue
    const fileKey = `${key}File`
    known.push(fileKey)
    const secretFile = leaves.get(fileKey) ?? undefined
    if (secretFile === undefined) continue
    if (value !== undefined) {
      problems.push(`${path}: ${key} and ${fileKey} are both set: set only one of them`)
      continue
    }
    if (typeof secretFile !== 'string') {
      problems.push(`${fileKey} in ${path}: must be the path of a file`)
      continue
    }
    try {
      const text = await readFile(resolve(dirname(path), secretFile), 'utf8')
      values[key] = { value: new Secret(text.trim()), name: `${fileKey} in ${path}`, ...source }
    } catch (error) {
      problems.push(`${fileKey} in ${path}: cannot be read (${codeOf(error)})`)
    }
  }
  return { values, problems, warnings: unknownKeys(path, leaves.keys(), known) }
}

function unknownKeys(path: string, keys: Iterable<string>, known: readonly string[]) {
  const unknown = [...keys].filter((key) => !known.includes(key))
  if (unknown.length === 0) return []
  const named = unknown.map((key) => {
    const guess = didYouMean(key, known)
    return guess === undefined ? key : `${key} (did you mean ${guess}?)`
  })
  return [`${path}: ${named.join(', ')}: no such setting, so ignored`]
}

type Tree = Readonly<Record<string, unknown>>

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function* flatten(tree: Tree, prefix: string): Generator<readonly [string, unknown]> {
  for (const [key, value] of Object.entries(tree)) {
    if (isTree(value)) yield* flatten(value, `${prefix}${key}.`)
    else yield [`${prefix}${key}`, value]
  }
}

const secretOf = (value: unknown): Secret => new Secret(String(value))

const firstLine = (text: string): string => text.split('\n', 1)[0]?.replace(/:$/, '') ?? text
