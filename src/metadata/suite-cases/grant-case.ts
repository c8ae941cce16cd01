// What the cases of grants and teams are told with.
import { findGrantById, type GrantRow } from '../grant-rows.ts'
import { insertGrant, type GrantHolder, type NewGrant } from '../grants.ts'
import type { Reader, Transaction } from '../metadata-store.ts'
import { setMember } from '../team-members.ts'
import { insertTeam } from '../teams.ts'

export async function aGrant(
  tx: Transaction,
  holder: GrantHolder,
  placeText: string,
  more: Partial<NewGrant> = {},
): Promise<number> {
  return insertGrant(tx, {
    holder,
    placeKind: kindOf(placeText),
    place: placeText,
    repositoryId: undefined,
    actions: 'pull',
    reason: '',
    grantedBy: undefined,
    expiresAt: undefined,
    ...more,
  })
}

function kindOf(placeText: string): string {
  if (placeText === '*') return 'installation'
  if (placeText === '/') return 'root'
  if (placeText.endsWith('/')) return 'namespace'
  return /[*?]/.test(placeText) ? 'glob' : 'repository'
}

export async function aTeam(tx: Transaction, name: string): Promise<number> {
  const id = await insertTeam(tx, { name, description: '', createdBy: undefined })
  if (id === undefined) throw new Error(`the team ${name} was not made`)
  return id
}

export async function join(tx: Transaction, teamId: number, principalId: number): Promise<void> {
  const membership = { teamId, principalId, source: 'local' }
  await setMember(tx, { ...membership, maintainer: false, addedBy: undefined })
}

export async function mustFind(reader: Reader, id: number): Promise<GrantRow> {
  const found = await findGrantById(reader, id)
  if (found === undefined) throw new Error(`there is no grant ${id}`)
  return found
}

export function ids(rows: readonly { readonly id: number }[]): number[] {
  return rows.map(({ id }) => id).toSorted((a, b) => a - b)
}

/** A name that nobody has. */
export function fresh(word: string): string {
  return `${word}-${Math.random().toString(36).slice(2, 12)}`
}
