// An empty database for one test, with people in it, and who they are when they ask.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readActions, sortActions } from '../../auth/action.ts'
import type { Identity, PrincipalIdentity } from '../../auth/identity.ts'
import { parsePlace } from '../../auth/place.ts'
import { listAudit, type AuditRow } from '../../metadata/audit.ts'
import { openSqlite } from '../../metadata/dialects/sqlite.ts'
import { changeGrant, grantsOfPrincipal, insertGrant } from '../../metadata/grants.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { findPrincipalByName, insertPrincipal } from '../../metadata/principals.ts'
import type { Actor } from '../actor.ts'
import { identityOfPrincipal } from '../identity-of.ts'

export interface World extends AsyncDisposable {
  readonly metadata: MetadataStore
}

export async function openWorld(): Promise<World> {
  const dir = await mkdtemp(join(tmpdir(), 'carrel-access-'))
  const metadata = await openSqlite({ file: join(dir, 'carrel.db'), migrate: true })
  return {
    metadata,
    async [Symbol.asyncDispose]() {
      await metadata[Symbol.asyncDispose]()
      await rm(dir, { recursive: true })
    },
  }
}

export const operator: Actor = { id: undefined, name: 'operator' }
export const operatorIdentity: Identity = { kind: 'operator' }

export async function addUser(
  { metadata }: World,
  name: string,
  more: { readonly admin?: boolean } = {},
): Promise<Actor & { readonly id: number }> {
  await metadata.write((tx) => insertPrincipal(tx, { name, provider: 'local', ...more }))
  const found = await findPrincipalByName(metadata, name)
  if (found === undefined) throw new Error(`the user ${name} was not made`)
  return { id: found.id, name }
}

/** `scope` as in `web/:pull,push`; beside what the principal has there already. */
export async function give({ metadata }: World, principalId: number, scope: string): Promise<void> {
  const colon = scope.lastIndexOf(':')
  const place = parsePlace(scope.slice(0, colon))
  const actions = scope.slice(colon + 1)
  await metadata.write(async (tx) => {
    const held = await grantsOfPrincipal(tx, principalId)
    const before = held.find((one) => one.place === place.text)
    if (before !== undefined) {
      const all = sortActions(readActions(`${before.actions},${actions}`)).join(',')
      await changeGrant(tx, { id: before.id, actions: all, reason: '', expiresAt: undefined })
      return
    }
    await insertGrant(tx, {
      holder: { kind: 'principal', id: principalId },
      placeKind: place.kind,
      place: place.text,
      repositoryId: undefined,
      actions,
      reason: '',
      grantedBy: undefined,
      expiresAt: undefined,
    })
  })
}

export async function identityOf({ metadata }: World, name: string): Promise<PrincipalIdentity> {
  const row = await findPrincipalByName(metadata, name)
  if (row === undefined) throw new Error(`there is no ${name}`)
  return identityOfPrincipal(metadata, row)
}

/** What the audit log says of one event, oldest first. */
export async function auditOf({ metadata }: World, event: string): Promise<readonly AuditRow[]> {
  return (await listAudit(metadata, { event, limit: 100 })).toReversed()
}

/** What a use case refuses with, for comparison. */
export function refusal(kind: string, message: RegExp, why?: RegExp) {
  return (error: unknown): boolean => {
    const refused = error as Error & { readonly kind?: string; readonly why?: string }
    return (
      refused.name === 'Refusal' &&
      refused.kind === kind &&
      message.test(refused.message) &&
      (why === undefined || why.test(refused.why ?? ''))
    )
  }
}
