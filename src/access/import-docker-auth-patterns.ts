// Who and which repositories an entry of docker_auth's ACL speaks of, where Carrel has words for exactly the same. A
// pattern between slashes is a regular expression (auth_server/authz/acl.go, matchString); every other one is a glob
// of Go's path.Match, in which `*`, and `**` as well, stays within a part of a name.
import { parsePlace, type Place } from '../auth/place.ts'
import { isRepositoryName } from '../oci/reference.ts'
import {
  anyPart,
  anyText,
  isSpecial,
  readRegex,
  somePart,
  someText,
  type Step,
} from './import-docker-auth-regex.ts'
import { patternsOverlap } from './review-places.ts'

export type Who =
  | { readonly kind: 'anybody' }
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'signed-in' }
  | { readonly kind: 'users'; readonly names: readonly string[] }
  | Unclear

export type Where =
  /** None of them: no repository can have such a name. */
  | { readonly kind: 'places'; readonly places: readonly Place[] }
  /** The namespace of whoever asks. */
  | { readonly kind: 'own' }
  | Unclear

export interface Unclear {
  readonly kind: 'unclear'
  readonly why: string
}

export function readAccount(pattern: string | undefined): Who {
  if (pattern === undefined) return { kind: 'anybody' }
  if (pattern === '') return { kind: 'anonymous' }
  const alternatives = pattern.includes('${') ? undefined : alternativesOf(pattern)
  if (alternatives === undefined) return unclearAccount(pattern)
  const cores = alternatives.map((steps) => steps.filter((step) => step !== anyText))
  const isAny = (core: readonly Step[], whole: readonly Step[] | undefined) =>
    whole !== undefined && whole.length > 0 && core.every((step) => step === anyPart)
  if (cores.some((core, index) => isAny(core, alternatives[index]))) return { kind: 'anybody' }
  if (cores.some(([step, ...more]) => more.length === 0 && isSome(step))) {
    return { kind: 'signed-in' }
  }
  const isLiteral = (steps: readonly Step[]) =>
    steps.length > 0 && !steps.some((step) => isSpecial(step) || step === '?')
  if (!alternatives.every(isLiteral)) return unclearAccount(pattern)
  return { kind: 'users', names: alternatives.map((steps) => steps.join('')) }
}

function isSome(step: Step | undefined): boolean {
  return step === someText || step === somePart
}

/** `user`: whom `${account}` stands for, when it is one. */
export function readName(pattern: string | undefined, user: string | undefined): Where {
  if (pattern === undefined) return everywhere
  if (user === undefined && ownPatterns.includes(pattern)) return { kind: 'own' }
  const asked = user === undefined ? pattern : pattern.replaceAll('${account}', quoted(user))
  if (asked.includes('${')) {
    return { kind: 'unclear', why: `which repositories ${shown(pattern)} is depends on who asks` }
  }
  const alternatives = alternativesOf(asked)
  if (alternatives === undefined) return unclearName(pattern)
  const places: Place[] = []
  for (const steps of alternatives) {
    const place = placeOf(steps)
    if (place === 'unclear') return unclearName(pattern)
    if (place !== undefined) places.push(place)
  }
  return { kind: 'places', places }
}

const everywhere: Where = { kind: 'places', places: [{ kind: 'installation', text: '*' }] }

const ownPatterns: readonly string[] = [
  '${account}/*',
  '${account}/**',
  '/^${account}\\/.*$/',
  '/^${account}\\/.+$/',
  '/^${account}/.*$/',
  '/^${account}/.+$/',
  '/^${account}\\//',
]

/** Whether the pattern holds for `repository`, and for `registry`; undefined when that cannot be told. */
export function readType(
  pattern: string | undefined,
): { readonly repository: boolean; readonly registry: boolean } | undefined {
  if (pattern === undefined) return { repository: true, registry: true }
  const globs = pattern.includes('${') ? undefined : alternativesOf(pattern)?.map(looseGlob)
  if (globs === undefined) return undefined
  const holds = (type: string) => globs.some((glob) => patternsOverlap(glob, type))
  return { repository: holds('repository'), registry: holds('registry') }
}

/** For texts that are neither empty nor begin or end with what is optional: types are words. */
function looseGlob(steps: readonly Step[]): string {
  const globs: Readonly<Record<string, string>> = {
    [anyText]: '**',
    [someText]: '?**',
    [anyPart]: '*',
    [somePart]: '?*',
  }
  return steps.map((step) => globs[step] ?? step).join('')
}

function alternativesOf(pattern: string): readonly (readonly Step[])[] | undefined {
  if (pattern.length > 2 && pattern.startsWith('/') && pattern.endsWith('/')) {
    return readRegex(pattern.slice(1, -1))
  }
  const steps = stepsOfGlob(pattern)
  return steps && [steps]
}

/** Undefined for classes of characters, which no place of ours has. */
function stepsOfGlob(pattern: string): readonly Step[] | undefined {
  const steps: Step[] = []
  for (const [, escaped, character] of pattern.matchAll(/\\(.)|([^\\]|\\$)/gsu)) {
    if (escaped === '*' || escaped === '?') return undefined
    if (escaped !== undefined) steps.push(escaped)
    else if (character === '[' || character === '\\') return undefined
    else if (character === '*') steps.push(anyPart)
    else steps.push(character === '?' ? '?' : (character ?? ''))
  }
  return steps
}

/** Undefined when no repository can have such a name. */
function placeOf(steps: readonly Step[]): Place | 'unclear' | undefined {
  const glob = globOf(steps)
  if (glob === undefined) return 'unclear'
  if (glob === '**') return { kind: 'installation', text: '*' }
  if (glob === '*') return { kind: 'root', text: '/' }
  if (!/[*?]/.test(glob)) {
    return isRepositoryName(glob) ? { kind: 'repository', text: glob } : undefined
  }
  const namespace = /^([^/*?]+)\/\*\*$/.exec(glob)?.[1]
  if (namespace !== undefined && !isRepositoryName(namespace)) return undefined
  try {
    return parsePlace(namespace === undefined ? glob : `${namespace}/`)
  } catch {
    return 'unclear'
  }
}

/** As our globs are; names neither begin nor end with a slash, nor have two in a row. */
function globOf(steps: readonly Step[]): string | undefined {
  if (steps.length > 0 && steps.every((step) => step === anyText || step === someText)) return '**'
  const glob: string[] = []
  for (const [index, step] of steps.entries()) {
    const begins = index === 0 || steps[index - 1] === '/'
    const next = steps[index + 1]
    if (step === someText && !begins) return undefined
    for (const part of partsOf(step, begins && next === undefined, next === '/' && begins)) {
      addPart(glob, part)
    }
  }
  return glob.join('')
}

/** `isLast`: it is a whole end of the name; `isPart`: a whole part before others. Neither can be empty in a name. */
function partsOf(step: Step, isLast: boolean, isPart: boolean): readonly string[] {
  switch (step) {
    case anyText:
      return ['**']
    case anyPart:
      return ['*']
    case someText:
      return isLast ? ['**'] : ['?', '**']
    case somePart:
      return isLast || isPart ? ['*'] : ['?', '*']
    default:
      return [step]
  }
}

/** Two stars side by side are one: `*` and `*` stay within a part of a name, which `**` would not. */
function addPart(glob: string[], part: string): void {
  const last = glob.at(-1)
  const isStar = (text: string | undefined) => text === '*' || text === '**'
  if (!isStar(part) || !isStar(last)) glob.push(part)
  else if (part === '**') glob[glob.length - 1] = part
}

/** As Go's regexp.QuoteMeta, which serves globs as well. */
function quoted(user: string): string {
  return user.replaceAll(/[^A-Za-z0-9_]/g, '\\$&')
}

function unclearAccount(pattern: string): Unclear {
  return {
    kind: 'unclear',
    why:
      `Carrel has no word for the accounts ${shown(pattern)}: name each of them, ` +
      'or make a team of them',
  }
}

function unclearName(pattern: string): Unclear {
  return { kind: 'unclear', why: `no place is exactly the repositories ${shown(pattern)}` }
}

function shown(pattern: string): string {
  return JSON.stringify(pattern.slice(0, 100))
}
