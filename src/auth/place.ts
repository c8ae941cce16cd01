// Where a grant or a token's scope holds: `*` the installation, `/` names without a slash, `web/` a namespace,
// `web/app` a repository, or a glob over whole names: `*` and `?` stay within a component, `**` crosses slashes.
import { isRepositoryName, namespaceOf, type RepositoryName } from '../oci/reference.ts'

export type PlaceKind = 'installation' | 'root' | 'namespace' | 'repository' | 'glob'

export interface Place {
  readonly kind: PlaceKind
  /** As a person writes it. */
  readonly text: string
}

const longestPattern = 255
const mostStars = 8

/** @throws {RangeError} with a sentence that says what a place looks like */
export function parsePlace(text: string): Place {
  if (text === '*' || text === '**') return { kind: 'installation', text: '*' }
  if (text === '/') return { kind: 'root', text }
  const namespace = text.endsWith('/') ? text.slice(0, -1) : undefined
  if (namespace !== undefined && isRepositoryName(namespace) && !namespace.includes('/')) {
    return { kind: 'namespace', text }
  }
  if (isRepositoryName(text)) return { kind: 'repository', text }
  if (isGlob(text)) return { kind: 'glob', text }
  throw new RangeError(
    `${JSON.stringify(text.slice(0, 100))} is no place. A place is * for everything, / for names without a slash, ` +
      'web/ for a namespace, web/app for a repository, or a glob such as web/* or web/**-dev.',
  )
}

function isGlob(text: string): boolean {
  if (text.length > longestPattern || !/[*?]/.test(text)) return false
  if ((text.match(/\*+/g) ?? []).length > mostStars || text.includes('***')) return false
  // With letters for the wildcards it must be a name: what no name can match is a mistake.
  return isRepositoryName(text.replaceAll(/\*+|\?/g, 'a'))
}

/** Namespace of a place of kind namespace: `web` of `web/`. */
export function namespaceOfPlace({ text }: Place): string {
  return text.slice(0, -1)
}

export type NameTest = (name: string) => boolean

/** For a place of any kind but repository, whose grants also look at the repository's id. */
export function nameTest({ kind, text }: Place): NameTest {
  switch (kind) {
    case 'installation':
      return () => true
    case 'root':
      return (name) => !name.includes('/')
    case 'namespace':
      return (name) => name.startsWith(text)
    case 'repository':
      return (name) => name === text
    case 'glob':
      return globTest(text)
  }
}

/** Steps are at most the product of both lengths, whatever pattern somebody writes. */
function globTest(pattern: string): NameTest {
  const steps = pattern.match(/\*\*|\*|[^*]/g) ?? []
  const prefix = /^[^*?]*/.exec(pattern)?.[0] ?? ''
  return (name) => name.startsWith(prefix) && matchesFrom(steps, name)
}

function matchesFrom(steps: readonly string[], name: string): boolean {
  /** reached[i]: the steps so far can end before the i-th character. */
  let reached = [true, ...Array.from({ length: name.length }, () => false)]
  for (const step of steps) {
    const next = Array.from({ length: name.length + 1 }, () => false)
    const isStar = step.startsWith('*')
    for (const [index, here] of reached.entries()) {
      if (isStar && here) next[index] = true
      const character = name[index - 1]
      if (character === undefined) continue
      const from = isStar ? next[index - 1] : reached[index - 1]
      if (from === true && fits(step, character)) next[index] = true
    }
    reached = next
  }
  return reached[name.length] === true
}

function fits(step: string, character: string): boolean {
  if (step === '**') return true
  return step === '*' || step === '?' ? character !== '/' : step === character
}

/** Whether every name that `inner` holds for is one of `outer`; false where that cannot be told. */
export function containsPlace(outer: Place, inner: Place): boolean {
  if (outer.kind === 'installation' || outer.text === inner.text) return true
  if (inner.kind === 'installation') return false
  switch (outer.kind) {
    case 'root':
      return inner.kind !== 'namespace' && !inner.text.includes('/') && !inner.text.includes('**')
    case 'namespace':
      return inner.text.startsWith(outer.text)
    case 'glob':
      return inner.kind === 'repository' && nameTest(outer)(inner.text)
    default:
      return false
  }
}

/** Narrow places first: a grant on the repository itself counts as used before one on everything. */
export function narrowness({ kind }: Place): number {
  return ['repository', 'glob', 'root', 'namespace', 'installation'].indexOf(kind)
}

/** The narrowest place that is more than one repository: where somebody would look for its owner. */
export function placeAround(name: RepositoryName): Place {
  const namespace = namespaceOf(name)
  return namespace === undefined
    ? { kind: 'root', text: '/' }
    : { kind: 'namespace', text: `${namespace}/` }
}
