// Reading a section whose parameters may be of any type, with problems that name who set them.
import { resolve } from 'node:path'
import { valueAt, type Registry2Configuration } from './configuration.ts'
import { isTree, type Tree, type Value } from './decode.ts'

export interface Reading {
  readonly configuration: Registry2Configuration
  /** Against which relative paths are meant: where the program was started, as with registry:2. */
  readonly cwd: string
  readonly problem: (sentence: string) => void
  readonly warn: (sentence: string) => void
}

export function at(reading: Reading, key: string): Value {
  return valueAt(reading.configuration.tree, key)
}

/** Who set it, for a message. */
export function nameAt({ configuration }: Reading, key: string): string {
  return configuration.setBy(key)?.name ?? key
}

export function textAt(reading: Reading, key: string): string | undefined {
  const value = at(reading, key)
  if (value === undefined || value === '') return undefined
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  reading.problem(`${nameAt(reading, key)}: must be a text`)
  return undefined
}

export function switchAt(reading: Reading, key: string): boolean | undefined {
  const value = at(reading, key)
  if (value === undefined || typeof value === 'boolean') return value
  reading.problem(`${nameAt(reading, key)}: must be true or false, without quotes`)
  return undefined
}

export function numberAt(reading: Reading, key: string): number | undefined {
  const value = at(reading, key)
  return typeof value === 'number' ? value : undefined
}

export function pathAt(reading: Reading, key: string): string | undefined {
  const path = textAt(reading, key)
  return path === undefined ? undefined : resolve(reading.cwd, path)
}

export function textsAt(reading: Reading, key: string): readonly string[] {
  const value = at(reading, key)
  if (value === undefined) return []
  if (!Array.isArray(value)) {
    reading.problem(`${nameAt(reading, key)}: must be a list, such as [a, b]`)
    return []
  }
  return (value as readonly Value[]).map(String)
}

export function treesAt(reading: Reading, key: string): readonly Tree[] {
  const value = at(reading, key)
  return Array.isArray(value) ? (value as readonly Value[]).filter(isTree) : []
}

export function treeAt(reading: Reading, key: string): Tree {
  const value = at(reading, key)
  return isTree(value) ? value : {}
}
