// The sentences of a refusal: who, what, why, and what to do. Docker shows them word for word. None may depend on
// whether a hidden repository exists: they are made of the identity and the question alone.
import { namespaceOf } from '../oci/reference.ts'
import type { Identity } from './identity.ts'
import type { Permission, RefusalReason } from './permission.ts'

export function messageFor(identity: Identity, wanted: Permission, reason: RefusalReason): string {
  const what = describe(wanted)
  switch (reason) {
    case 'unauthenticated':
      return `To ${what}, sign in first: run docker login for this registry.`
    case 'insufficient-scope':
      return `The token presented was not made to ${what}. Ask for a token with ${scopeFor(wanted)}.`
    case 'hidden':
      return (
        `There is no repository ${nameOf(wanted)} that ${who(identity)} may see. ` +
        'Check the spelling, or ask its owner for access.'
      )
    case 'forbidden':
      return `${who(identity)} may not ${what}${adviceFor(identity, wanted)}`
  }
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
      return 'use an account'
    case 'base':
    case 'nothing':
      return 'use this registry'
  }
}

function describeOnRepository(action: Permission['action'], name: string): string {
  switch (action) {
    case 'pull':
      return `pull from ${name}`
    case 'push':
      return `push to ${name}`
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
  if (resource.type !== 'repository') return '. Ask an administrator.'
  const namespace = namespaceOf(resource.name)
  const writes = action === 'push' || action === 'create'
  const instead = writes ? ownNameInstead(identity, resource.name) : ''
  if (namespace === undefined) {
    return `: names without a slash belong to the administrators. Ask an administrator${instead}.`
  }
  return `: only the owner of ${namespace} and the administrators may. Ask one of them${instead}.`
}

function ownNameInstead(identity: Identity, name: string): string {
  if (identity.kind !== 'principal' || !/^[a-z0-9]+([._-][a-z0-9]+)*$/.test(identity.name)) {
    return ''
  }
  return `, or use ${identity.name}/${name.slice(name.lastIndexOf('/') + 1)}`
}

function nameOf({ resource }: Permission): string {
  return resource.type === 'repository' ? resource.name : ''
}

function who(identity: Identity): string {
  return identity.kind === 'principal' ? identity.name : 'anybody'
}
