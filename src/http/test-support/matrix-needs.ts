// What the operations of the management API need of their callers, in the words of the model. Everything that is not
// the caller's to see is answered as what is not there: '404 hidden'.
import {
  administers,
  administersAll,
  covers,
  holds,
  isWithinScopes,
  rights,
  type Caller,
  type Given,
  type Right,
} from './matrix-model.ts'
import type { Person, World } from './matrix-people.ts'

/** 'ran': the operation was begun; what comes of it is not the matter here. */
export type ApiOutcome = 'ran' | '401' | '403' | '404 hidden'

export type Need = (caller: Caller & { readonly holder: Person }, world: World) => ApiOutcome

/** For callers whose credential is none for this API the answer is one and the same. */
export function expectedOf(caller: Caller, need: Need, world: World): ApiOutcome {
  const { holder, refused, limits } = caller
  if (holder === undefined || refused !== undefined || limits !== undefined) return '401'
  return need({ ...caller, holder: holder as Person }, world)
}

const when = (condition: boolean): ApiOutcome => (condition ? 'ran' : '403')

export const signedIn: Need = () => 'ran'

/** With a credential that is not narrowed: a narrowed one could widen itself. */
export const self: Need = ({ scopes }) => when(scopes === undefined)

export const administrator: Need = (caller) =>
  when(administersAll(caller) && caller.scopes === undefined)

/** Somebody's own matters: of oneself, of a robot that one made, or for administrators. */
export function account(name: string): Need {
  return (caller, { people }) => {
    const { holder, scopes } = caller
    const asked = people.get(name)
    const isRobotOf = asked?.kind === 'robot' && asked.madeBy === holder.name
    const isTheirs = name === holder.name || isRobotOf || administersAll(caller)
    return isTheirs ? when(scopes === undefined) : '404 hidden'
  }
}

/** As `account`, where nobody has an account that is asked about. */
export const missing: Need = (caller, world) => account('nobody at all')(caller, world)

export function team(name: string, level: 'see' | 'change'): Need {
  return (caller) => {
    const { holder, scopes } = caller
    const isMember = holder.teams.includes(name)
    const isMaintainer = isMember && holder.name === 'walt'
    const may = isMaintainer || administersAll(caller) || (level === 'see' && isMember)
    if (may) return when(scopes === undefined)
    return isMember ? '403' : '404 hidden'
  }
}

export function place(text: string, giving: readonly Right[] = []): Need {
  return (caller, { everybody }) => when(administers(caller, text, giving, everybody))
}

/** Whoever was given anything in it knows of a namespace, and administrators know of all. */
export function namespace(name: string): Need {
  return (caller, { everybody }) => {
    const { anonymous, signedIn: members } = everybody
    const places = [...caller.holder.given, ...anonymous, ...members].map((one) => one.place)
    const isInIt = places.some(
      (one) => one.startsWith(`${name}/`) || covers(one, `${name}/any-name`),
    )
    return isInIt || administrator(caller, { everybody } as World) === 'ran' ? 'ran' : '404 hidden'
  }
}

/** Whoever may push to a name may make the repository of that name. */
export function repository(name: string, right: Right): Need {
  return (caller, { repositories, everybody }) => {
    const found = repositories.find((one) => one.name === name)
    const asked = found ?? { name, visibility: 'missing' as const }
    if (holds(caller, right, asked, everybody)) return when(isWithinScopes(caller, right, name))
    const maySee = right === 'push' || holds(caller, 'pull', asked, everybody)
    return maySee ? '403' : '404 hidden'
  }
}

export interface AskedGrant extends Given {
  /** Who has it; undefined: everybody who is signed in. */
  readonly holder: string | undefined
}

/** Holders see it, and those who administer the place; these change it, when they have all of it themselves. */
export function grant(
  { place: on, rights: held, holder: whose }: AskedGrant,
  doing: 'see' | 'change',
): Need {
  return (caller, { everybody }) => {
    const { holder } = caller
    const isOwn = whose === undefined || whose === holder.name || holder.teams.includes(whose)
    if (!isOwn && !administers(caller, on, [], everybody)) return '404 hidden'
    return doing === 'see' ? 'ran' : when(administers(caller, on, held, everybody))
  }
}

export const makingRobots: Need = (caller) => {
  const { holder, scopes } = caller
  const isOwner = holder.kind === 'user' && holder.given.some((one) => one.rights.includes('admin'))
  return when((administersAll(caller) || isOwner) && scopes === undefined)
}

export function all(...needs: readonly Need[]): Need {
  return (caller, world) =>
    needs.map((need) => need(caller, world)).find((one) => one !== 'ran') ?? 'ran'
}

/** Or the refusal of the last one. */
export function any(...needs: readonly [Need, ...Need[]]): Need {
  return (caller, world) => {
    const outcomes = needs.map((need) => need(caller, world))
    return outcomes.includes('ran') ? 'ran' : (outcomes.at(-1) ?? '403')
  }
}

export interface AskedReview {
  readonly owner: string
  readonly place: string
}

/** Of its owner, of administrators, and to be seen by those who own the place. */
export function review({ owner, place: on }: AskedReview, doing: 'see' | 'decide'): Need {
  return (caller, { everybody }) => {
    const { holder, scopes } = caller
    if (administersAll(caller) || holder.name === owner) return when(scopes === undefined)
    if (!administers(caller, on, rights, everybody)) return '404 hidden'
    return doing === 'see' ? 'ran' : '403'
  }
}

/** What somebody may do somewhere is told to them, and to those who administer that. */
export function explaining(name: string, repositoryName: string): Need {
  return any(account(name), place(repositoryName))
}
