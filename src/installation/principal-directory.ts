// The principals of the database as authentication wants to see them.
import { makeOwnNamespace } from '../access/namespaces.ts'
import { readHeldGrants, type HeldGrant } from '../auth/held-grant.ts'
import type { PrincipalDirectory, PrincipalRecord, TokenRecord } from '../auth/principal.ts'
import { secretState } from '../auth/secret-slots.ts'
import { readTokenScopes } from '../auth/token-scope.ts'
import { grantsOfAnybody, grantsOfPrincipal } from '../metadata/grants.ts'
import type { MetadataStore, Reader, Transaction } from '../metadata/metadata-store.ts'
import {
  findImportedHash,
  findPrincipalById,
  findPrincipalByName,
  insertPrincipal,
  replacePasswordHash,
  type PrincipalRow,
} from '../metadata/principals.ts'
import { findSecret } from '../metadata/token-secrets.ts'
import { findToken } from '../metadata/tokens.ts'

export interface DirectoryOptions {
  /** What a user of the htpasswd file is given when they are first met, in the transaction that makes them. */
  readonly htpasswdUserMade?: ((tx: Transaction, user: PrincipalRow) => Promise<void>) | undefined
}

export function createPrincipalDirectory(
  metadata: MetadataStore,
  { htpasswdUserMade }: DirectoryOptions = {},
): PrincipalDirectory {
  const withGrants = async (row: PrincipalRow | undefined) => row && recordOf(metadata, row)
  return {
    findByName: async (name) => withGrants(await findPrincipalByName(metadata, name)),
    findById: async (id) => withGrants(await findPrincipalById(metadata, id)),
    grantsOfAnybody: async () => readHeldGrants(await grantsOfAnybody(metadata)),
    async ensureHtpasswdUser(name) {
      const principal = await metadata.write(async (tx) => {
        const isNew = await insertPrincipal(tx, { name, provider: 'htpasswd' })
        const made = await findPrincipalByName(tx, name)
        if (isNew && made !== undefined) {
          await makeOwnNamespace(tx, made)
          await htpasswdUserMade?.(tx, made)
        }
        return made
      })
      if (principal === undefined) throw new Error(`the user ${name} vanished while it was made`)
      return recordOf(metadata, principal)
    },
    async findSecret(hash) {
      const found = await findSecret(metadata, hash)
      if (found === undefined || secretState(found.secret, Date.now()) === 'ended') return undefined
      return { tokenId: found.token.id, hash }
    },
    async findToken(id): Promise<TokenRecord | undefined> {
      const token = await findToken(metadata, id)
      if (token === undefined) return undefined
      const { kind, principalId, scopes, expiresAt, revokedAt } = token
      const revoked = revokedAt !== undefined
      return { id, kind, principalId, scopes: readTokenScopes(scopes), expiresAt, revoked }
    },
    findImportedHash: async () => findImportedHash(metadata),
    async replacePasswordHash(id, from, to) {
      await metadata.write(async (tx) => replacePasswordHash(tx, { id, from, to }))
    },
  }
}

export async function recordOf(reader: Reader, row: PrincipalRow): Promise<PrincipalRecord> {
  const grants: readonly HeldGrant[] = readHeldGrants(await grantsOfPrincipal(reader, row.id))
  const { id, name, kind, provider, admin, disabled, expiresAt, passwordHash, secondFactor } = row
  return {
    id,
    name,
    kind,
    provider,
    admin,
    disabled,
    expiresAt,
    passwordHash,
    secondFactor,
    grants,
  }
}
