// Names of robots and trust rules: like those of users, and unique among all of them, because a client says nothing
// else of who it is. What kind somebody is stands in the database and is never read from a name. Teams, which nobody
// signs in as, have names of the same form.
import type { Reader } from '../metadata/metadata-store.ts'
import { findPrincipalByName } from '../metadata/principals.ts'
import { isAlias } from '../auth/user-aliases.ts'
import { isRepositoryName } from '../oci/reference.ts'
import { Refusal } from './refusal.ts'

const longestName = 64

/** Why nobody and no team may bear a name that says something else; undefined when it says nothing. */
export function whyReserved(name: string): string | undefined {
  if (isAlias(name))
    return 'clients send that name to mean whoever their token or password belongs to'
  if (name === 'signed-in') return 'in grants that word means everybody with an account'
  if (name === 'operator') return 'the audit log calls whoever runs commands beside the data that'
  return name === 'anonymous'
    ? 'in grants that word means everybody, with an account or without'
    : undefined
}

/** @throws {Refusal} invalid */
export function requirePrincipalName(name: string, what: 'robot' | 'trust rule' | 'team'): void {
  const reserved = whyReserved(name)
  const isGood = name.length <= longestName && isRepositoryName(name) && !name.includes('/')
  if (isGood && reserved === undefined) return
  const shown = JSON.stringify(name.slice(0, 100))
  throw new Refusal('invalid', `${shown} cannot be the name of a ${what}`, {
    why: reserved ?? nameRule(name),
  })
}

function nameRule(name: string): string {
  return name.length > longestName
    ? `it has ${name.length} characters, and ${longestName} is the most`
    : 'a name is made of lower-case letters and digits, with single . _ - between them'
}

/** @throws {Refusal} exists */
export async function requireFreeName(reader: Reader, name: string): Promise<void> {
  const holder = await findPrincipalByName(reader, name)
  if (holder === undefined) return
  const kinds = { user: 'a user', robot: 'a robot', federated: 'a trust rule' } as const
  throw new Refusal('exists', `there is ${kinds[holder.kind]} ${name} already`, {
    why: 'users, robots and trust rules share their names: clients sign in with nothing but that',
  })
}
