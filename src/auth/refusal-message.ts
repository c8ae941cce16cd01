// The sentences of a refusal: who, what, why, and what to do. Docker shows them word for word. None may depend on
// whether a hidden repository exists: they are made of the identity and the question alone.
import type { Identity } from './identity.ts'
import type { Permission, RefusalReason } from './permission.ts'
import { placeAround } from './place.ts'
import { formatTokenScope } from './token-scope.ts'

export function messageFor(identity: Identity, wanted: Permission, reason: RefusalReason): string {
  const what = describe(wanted)
  switch (reason) {
    case 'unauthenticated':
      return `To ${what}, sign in first: run docker login for this registry.`
    case 'insufficient-scope':
      return `The token presented was not made to ${what}. Ask for a token with ${scopeFor(wanted)}.`
    case 'hidden':
      return (
        `There is no ${thingOf(wanted)} that ${who(identity)} may see. ` +
        'Check the spelling, or ask its owner for access.'
      )
    case 'forbidden':
      return `${who(identity)} may not ${what}${narrowed(identity)}${adviceFor(identity, wanted)}`
  }
}

/** Whose token it is does not tell what it may; that it is narrowed does. */
function narrowed(identity: Identity): string {
  const scopes = identity.kind === 'principal' ? identity.token?.scopes : undefined
  if (scopes === undefined) return ''
  return ` with this token (${scopes.map(formatTokenScope).join(' ') || 'it allows nothing'})`
}

function describe({ action, resource }: Permission): string {
  switch (resource.type) {
    case 'repository':
      return describeOnRepository(action, resource.name)
    case 'catalog':
      return 'list the repositories'
    case 'installation':
      return 'administer this registry'
    case 'self':
    case 'signed-in':
      return 'use an account'
    case 'place':
      return `decide who may do what in ${resource.place.text}${givenIn(resource.giving)}`
    case 'team':
      return action === 'pull'
        ? `see the team ${resource.name}`
        : `change the team ${resource.name}`
    case 'principal':
      return `see or change the account ${resource.name}`
    case 'robots':
      return 'make robots'
    case 'base':
    case 'nothing':
      return 'use this registry'
  }
}

function givenIn(giving: readonly string[]): string {
  return giving.length === 0 ? '' : ` and give ${giving.join(', ')} there`
}

function describeOnRepository(action: Permission['action'], name: string): string {
  switch (action) {
    case 'pull':
      return `pull from ${name}`
    case 'push':
      return `push to ${name}`
    case 'overwrite':
      return `move existing tags in ${name}`
    case 'decide':
      return `decide about findings in ${name}`
    case 'delete':
      return `delete from ${name}`
    case 'create':
      return `create ${name}`
    case 'admin':
      return `change the settings of ${name}`
  }
}

function scopeFor({ action, resource }: Permission): string {
  if (resource.type === 'catalog') return 'the scope registry:catalog:*'
  if (resource.type !== 'repository' || action === 'admin') return 'a login of your own'
  const actions = action === 'push' || action === 'create' ? 'pull,push' : action
  return `the scope repository:${resource.name}:${actions}`
}

function adviceFor(identity: Identity, wanted: Permission): string {
  const { action, resource } = wanted
  if (identity.kind === 'principal' && identity.token?.scopes !== undefined) {
    return '. Use a token without scopes, or one with more.'
  }
  if (resource.type === 'place') {
    return `: that takes a grant of admin there, and of all that is given. Ask its owner.`
  }
  if (resource.type !== 'repository') return '. Ask an administrator.'
  const writes = action === 'push' || action === 'create'
  const instead = writes ? ownNameInstead(identity, resource.name) : ''
  const needed = action === 'create' ? 'push' : action
  const { text } = placeAround(resource.name)
  const owner = text === '/' ? 'an administrator' : `an owner of ${text} or an administrator`
  const grant = `carrel grant add ${subjectOf(identity)} ${resource.name} ${needed}`
  return `: no grant allows it. Ask ${owner} for: ${grant}${instead}.`
}

function subjectOf(identity: Identity): string {
  if (identity.kind !== 'principal') return 'anonymous'
  return `${identity.principalKind}:${identity.name}`
}

function ownNameInstead(identity: Identity, name: string): string {
  if (
    identity.kind !== 'principal' ||
    identity.principalKind !== 'user' ||
    !/^[a-z0-9]+([._-][a-z0-9]+)*$/.test(identity.name)
  ) {
    return ''
  }
  return `; or use ${identity.name}/${name.slice(name.lastIndexOf('/') + 1)}`
}

function thingOf({ resource }: Permission): string {
  if (resource.type === 'repository') return `repository ${resource.name}`
  if (resource.type === 'team') return `team ${resource.name}`
  if (resource.type === 'principal') return `account ${resource.name}`
  return 'such thing'
}

function who(identity: Identity): string {
  return identity.kind === 'principal' ? identity.name : 'anybody'
}
