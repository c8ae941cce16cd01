// What docker_auth's ACL comes to in Carrel. There the first entry that matches decides alone; here grants add up and
// nothing is taken away. So an entry is translated only where no entry before it allows less for any of the same: what
// cannot be said exactly is not said at all, and the plan tells why.
import { actions, type GrantedAction } from '../auth/action.ts'
import { containsPlace, type Place } from '../auth/place.ts'
import type { DockerAuthEntry, DockerAuthFile } from './import-docker-auth-file.ts'
import {
  readAccount,
  readName,
  readType,
  type Where,
  type Who,
} from './import-docker-auth-patterns.ts'
import { patternOf, patternsOverlap } from './review-places.ts'

export type PlannedSubject =
  | { readonly kind: 'user'; readonly name: string }
  | { readonly kind: 'signed-in' }
  | { readonly kind: 'anonymous' }

export interface PlannedGrant {
  readonly subject: PlannedSubject
  readonly place: Place
  readonly actions: readonly GrantedAction[]
}

export interface PlannedEntry {
  /** In the file, from 1 on. */
  readonly entry: number
  /** As it stands there, in short. */
  readonly text: string
  /**
   * grants: it becomes the grants; nothing: there is nothing to give, as it gives nothing, never matches, or says what
   * holds in Carrel anyway; untranslatable: Carrel cannot say exactly that.
   */
  readonly outcome: 'grants' | 'nothing' | 'untranslatable'
  readonly reason: string | undefined
  readonly grants: readonly PlannedGrant[]
}

/** One entry for one user, or for more where they are not named. */
interface Part {
  readonly entry: DockerAuthEntry
  readonly who: Who
  readonly where: Where
  readonly gives: readonly GrantedAction[]
  /** Without conditions that only docker_auth can look at. */
  readonly certain: boolean
}

type Outcome = Omit<PlannedEntry, 'entry' | 'text'>

/** All that can be asked for in a registry. */
const everything: readonly GrantedAction[] = ['pull', 'push', 'overwrite', 'delete']

const words: Readonly<Record<string, readonly GrantedAction[]>> = {
  pull: ['pull'],
  push: ['push', 'overwrite'],
  delete: ['delete'],
}

/** `isUser`: whether there is, or will be, a user of that name. */
export function planEntries(
  file: DockerAuthFile,
  isUser: (name: string) => boolean,
): readonly PlannedEntry[] {
  const before: Part[] = []
  return file.acl.map((entry) => {
    const parts = partsOf(entry, file.anonymous)
    const outcome = planEntry(entry, parts, { before, isUser })
    before.push(...parts)
    return { entry: entry.number, text: textOf(entry), ...outcome }
  })
}

interface Context {
  readonly before: readonly Part[]
  readonly isUser: (name: string) => boolean
}

function planEntry(entry: DockerAuthEntry, parts: readonly Part[], context: Context): Outcome {
  const type = readType(entry.type)
  if (type?.repository === false) {
    return nothing(
      type.registry
        ? 'In Carrel everybody gets the list of what they may pull.'
        : 'It is about neither repositories nor their list.',
    )
  }
  const problem = problemOf(entry, type !== undefined)
  if (problem !== undefined) return untranslatable(problem)
  const outcomes = parts.map((part) => planPart(part, context))
  const failed = outcomes.find(({ outcome }) => outcome === 'untranslatable')
  if (failed !== undefined) return failed
  const grants = outcomes.flatMap((outcome) => outcome.grants)
  if (grants.length > 0) return { outcome: 'grants', reason: noteOf(parts), grants }
  return outcomes[0] ?? nothing('No account can be asking.')
}

function problemOf(entry: DockerAuthEntry, isTypeClear: boolean): string | undefined {
  const { conditions, type } = entry
  if (conditions.length > 0) {
    return `A grant of Carrel does not depend on ${conditions.join(', ')}.`
  }
  if (!isTypeClear) return `What types ${JSON.stringify(type)} holds for cannot be told.`
  const unknown = givenBy(entry) === undefined && entry.actions.find((word) => !(word in words))
  return unknown ? `The action ${JSON.stringify(unknown)} has no match in Carrel.` : undefined
}

function planPart(part: Part, { before, isUser }: Context): Outcome {
  const { who, where, gives } = part
  if (who.kind === 'unclear') return untranslatable(`${who.why}.`)
  if (where.kind === 'unclear') return untranslatable(`${where.why}.`)
  if (where.kind === 'own') return planOwn(gives)
  if (where.places.length === 0) return nothing('No repository of Carrel can have such a name.')
  const name = who.kind === 'users' ? who.names[0] : undefined
  const owner = name !== undefined && isUser(name) ? name : undefined
  const own = where.places.filter((place) => owner !== undefined && isWithin(place, owner))
  if (own.length > 0 && !isEverything(gives)) return planOwn(gives)
  if (gives.length === 0) return nothing('Nothing is given unless a grant says so.')
  const first = before.find((other) => other.certain && containsPart(other, part))
  if (first !== undefined) {
    return nothing(`Entry ${first.entry.number} comes first for all that it is about.`)
  }
  const problem = problemOfPart(part, before) ?? problemOfHolder(name, owner)
  if (problem !== undefined) return untranslatable(problem)
  const places = where.places.filter((place) => !own.includes(place))
  if (places.length === 0) return nothing('Every user owns the namespace of their name.')
  const subject = subjectOf(who)
  const grants = places.map((place) => ({ subject, place, actions: gives }))
  return { outcome: 'grants', reason: undefined, grants }
}

function problemOfPart(part: Part, before: readonly Part[]): string | undefined {
  const { who, gives } = part
  const isAnybody = who.kind === 'anybody' || who.kind === 'anonymous'
  if (isAnybody && gives.some((action) => action !== 'pull')) {
    return 'Carrel lets nobody without a name do more than pull.'
  }
  const narrower = before.find((other) => overlap(other, part) && !includes(other.gives, gives))
  return narrower === undefined
    ? undefined
    : `Entry ${narrower.entry.number} comes first for some of the same and allows less there, ` +
        'and grants take nothing away.'
}

function problemOfHolder(name: string | undefined, owner: string | undefined): string | undefined {
  return name === owner ? undefined : `There is no user ${name} in Carrel.`
}

function planOwn(gives: readonly GrantedAction[]): Outcome {
  return isEverything(gives)
    ? nothing('Every user owns the namespace of their name.')
    : untranslatable('In Carrel every user owns the namespace of their name, and may do all there.')
}

function subjectOf(who: Exclude<Who, { kind: 'unclear' }>): PlannedSubject {
  if (who.kind === 'users') return { kind: 'user', name: who.names[0] ?? '' }
  return who.kind === 'signed-in' ? { kind: 'signed-in' } : { kind: 'anonymous' }
}

function noteOf(parts: readonly Part[]): string | undefined {
  return parts.some(({ who }) => who.kind === 'anonymous')
    ? 'It holds for those who are signed in as well: they could ask without a name.'
    : undefined
}

/** Without an account whose name is empty, docker_auth turns away whoever does not sign in. */
function partsOf(entry: DockerAuthEntry, anonymous: boolean): readonly Part[] {
  const read = readAccount(entry.account)
  if (read.kind === 'anonymous' && !anonymous) return []
  const who: Who = read.kind === 'anybody' && !anonymous ? { kind: 'signed-in' } : read
  const type = readType(entry.type)
  if (type?.repository === false) return []
  const more = {
    entry,
    gives: givenBy(entry) ?? [],
    certain: entry.conditions.length === 0 && type !== undefined,
  }
  if (who.kind !== 'users') return [{ ...more, who, where: readName(entry.name, undefined) }]
  return who.names.map((name) => ({
    ...more,
    who: { kind: 'users', names: [name] },
    where: readName(entry.name, name),
  }))
}

/** Undefined when it has a word that Carrel has no action for; then it is taken to give nothing. */
function givenBy({ actions: given }: DockerAuthEntry): readonly GrantedAction[] | undefined {
  if (given.length === 1 && given[0] === '*') return everything
  if (!given.every((word) => Object.hasOwn(words, word))) return undefined
  const wanted = new Set(given.flatMap((word) => words[word] ?? []))
  return actions.filter((action) => wanted.has(action))
}

function isEverything(gives: readonly GrantedAction[]): boolean {
  return includes(gives, everything)
}

function includes(outer: readonly GrantedAction[], inner: readonly GrantedAction[]): boolean {
  return inner.every((action) => outer.includes(action))
}

function isWithin(place: Place, user: string): boolean {
  return containsPlace({ kind: 'namespace', text: `${user}/` }, place)
}

/** Whether some request could be both's; true where that cannot be told. */
function overlap(one: Part, other: Part): boolean {
  return whoOverlap(one.who, other.who) && whereOverlap(one.where, other.where)
}

function whoOverlap(one: Who, other: Who): boolean {
  const kinds = [one.kind, other.kind]
  if (kinds.includes('unclear') || kinds.includes('anybody')) return true
  if (one.kind === 'users' && other.kind === 'users') {
    return one.names.some((name) => other.names.includes(name))
  }
  return (one.kind === 'anonymous') === (other.kind === 'anonymous')
}

function whereOverlap(one: Where, other: Where): boolean {
  if (one.kind === 'unclear' || other.kind === 'unclear') return true
  return globsOf(one).some((glob) => globsOf(other).some((next) => patternsOverlap(glob, next)))
}

function globsOf(where: Exclude<Where, { kind: 'unclear' }>): readonly string[] {
  return where.kind === 'own' ? ['*/**'] : where.places.map(patternOf)
}

/** Whether every request of `inner` is one of `outer`; false where that cannot be told. */
function containsPart(outer: Part, inner: Part): boolean {
  return containsWho(outer.who, inner.who) && containsWhere(outer.where, inner.where)
}

function containsWho(outer: Who, inner: Who): boolean {
  switch (outer.kind) {
    case 'anybody':
      return true
    case 'anonymous':
      return inner.kind === 'anonymous'
    case 'signed-in':
      return inner.kind === 'signed-in' || inner.kind === 'users'
    case 'users':
      return inner.kind === 'users' && inner.names.every((name) => outer.names.includes(name))
    case 'unclear':
      return false
  }
}

function containsWhere(outer: Where, inner: Where): boolean {
  if (outer.kind !== 'places') return false
  const places = inner.kind === 'places' ? inner.places : []
  if (inner.kind !== 'places') return outer.places.some(({ kind }) => kind === 'installation')
  return places.every((place) => outer.places.some((around) => containsPlace(around, place)))
}

function textOf({ account, type, name, conditions, actions: given }: DockerAuthEntry): string {
  const parts = Object.entries({ account, type, name }).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}: ${JSON.stringify(value)}`],
  )
  const all = [...parts, ...conditions.map((key) => `${key}: …`)]
  return `{${all.join(', ')}} → [${given.join(', ')}]`.slice(0, 300)
}

function nothing(reason: string): Outcome {
  return { outcome: 'nothing', reason, grants: [] }
}

function untranslatable(reason: string): Outcome {
  return { outcome: 'untranslatable', reason, grants: [] }
}
