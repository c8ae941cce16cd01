// Names of robots and trust rules: like those of users, and unique among all of them, because a client says nothing
// else of who it is. What kind somebody is stands in the database and is never read from a name.
import type { Reader } from '../metadata/metadata-store.ts'
import { findPrincipalByName } from '../metadata/principals.ts'
import { isAlias } from '../auth/user-aliases.ts'
import { isRepositoryName } from '../oci/reference.ts'
import { Refusal } from './refusal.ts'

const longestName = 64

/** @throws {Refusal} invalid */
export function requirePrincipalName(name: string, what: 'robot' | 'trust rule'): void {
  const shown = JSON.stringify(name.slice(0, 100))
  if (isAlias(name)) {
    throw new Refusal('invalid', `${shown} cannot be the name of a ${what}`, {
      why: 'clients send that name to mean whoever their token or password belongs to',
    })
  }
  if (name.length <= longestName && isRepositoryName(name) && !name.includes('/')) return
  throw new Refusal('invalid', `${shown} cannot be the name of a ${what}`, {
    why:
      name.length > longestName
        ? `it has ${name.length} characters, and ${longestName} is the most`
        : 'a name is made of lower-case letters and digits, with single . _ - between them',
  })
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
