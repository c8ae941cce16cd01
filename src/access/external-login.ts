// Somebody whom an identity provider vouches for becomes a principal, or is found again by (provider, subject) and
// brought up to date: groups replace membership, and with administrators' groups the provider decides on that too.
import { randomBytes } from 'node:crypto'
import type { ExternalPasswords } from '../auth/check-password.ts'
import type { PrincipalRecord } from '../auth/principal.ts'
import { toUserName, withProvider } from '../sign-on/external-name.ts'
import type { LdapProvider } from '../sign-on/ldap.ts'
import { SignOnError, SignOnUnavailableError } from '../sign-on/providers-outcome.ts'
import type { ExternalIdentity } from '../sign-on/providers-outcome.ts'
import { appendAudit } from '../metadata/audit.ts'
import type { MetadataStore, Transaction } from '../metadata/metadata-store.ts'
import {
  changePrincipal,
  findPrincipalByName,
  findPrincipalBySubject,
  insertPrincipal,
  type PrincipalRow,
} from '../metadata/principals.ts'
import { replaceGroupMembership } from '../metadata/team-groups.ts'
import { StorageUnavailableError } from '../oci/errors.ts'
import { makeOwnNamespace } from './namespaces.ts'
import { whyReserved } from './principal-names.ts'
import { Refusal } from './refusal.ts'

export interface Admission {
  readonly identity: ExternalIdentity
  /** Whether being an administrator is decided by the provider's groups. */
  readonly decidesAdmin: boolean
}

/**
 * The principal of that identity. A disabled one stays disabled: whoever calls looks at that.
 *
 * @throws {Refusal} invalid when no user name can be made of what the provider calls it
 */
export async function admitExternal(
  metadata: MetadataStore,
  admission: Admission,
): Promise<PrincipalRow> {
  return metadata.write(async (tx) => {
    const { provider, subject } = admission.identity
    const found = await findPrincipalBySubject(tx, { provider, subject })
    const principal = found ?? (await introduce(tx, admission))
    await bringUpToDate(tx, principal, admission)
    return (await findPrincipalBySubject(tx, { provider, subject })) ?? principal
  })
}

async function introduce(tx: Transaction, { identity }: Admission): Promise<PrincipalRow> {
  const { provider, subject, displayName } = identity
  const name = await freeName(tx, identity)
  await insertPrincipal(tx, { name, provider, subject, displayName })
  const made = await findPrincipalBySubject(tx, { provider, subject })
  if (made === undefined) throw new Error(`the principal of ${provider} vanished while it was made`)
  await makeOwnNamespace(tx, made)
  const actor = { id: made.id, name }
  await appendAudit(tx, { event: 'user.created', actor, subject: name, detail: { provider } })
  return made
}

/** Local and external users never get into each other's way: who comes second has the provider in the name. */
async function freeName(tx: Transaction, { name: wished, provider }: ExternalIdentity) {
  const name = toUserName(wished)
  if (name !== undefined) {
    const label = provider.slice(provider.indexOf(':') + 1)
    for (const candidate of [name, withProvider(name, label), withProvider(`${name}-2`, label)]) {
      if (whyReserved(candidate) !== undefined) continue
      if ((await findPrincipalByName(tx, candidate)) === undefined) return candidate
    }
  }
  throw new Refusal('invalid', 'no user name can be made for this account', {
    why: `the provider calls it ${JSON.stringify(wished.slice(0, 80))}, and names like it are taken or empty`,
    fix: 'ask an administrator to remove or rename the other account',
  })
}

async function bringUpToDate(
  tx: Transaction,
  principal: PrincipalRow,
  { identity, decidesAdmin }: Admission,
): Promise<void> {
  const { provider, groups, displayName = principal.displayName } = identity
  const admin = decidesAdmin ? identity.admin : principal.admin
  if (admin !== principal.admin || displayName !== principal.displayName) {
    await changePrincipal(tx, { ...principal, admin, displayName })
  }
  const by = { id: principal.id, source: provider }
  const change = await replaceGroupMembership(tx, { principalId: by.id, source: by.source, groups })
  const isSame = change.added.length === 0 && change.removed.length === 0
  if (isSame && admin === principal.admin) return
  await appendAudit(tx, {
    event: 'team.synchronised',
    actor: { id: principal.id, name: principal.name },
    subject: principal.name,
    detail: {
      provider,
      joined: change.added.map(({ name }) => name),
      left: change.removed.map(({ name }) => name),
      ...(admin !== principal.admin && { administrator: admin }),
    },
  })
}

export interface LdapDirectory {
  /** As in `ldap:NAME`. */
  readonly name: string
  readonly decidesAdmin: boolean
  readonly provider: Pick<LdapProvider, 'check'>
}

export interface ExternalPasswordsDeps {
  readonly metadata: MetadataStore
  readonly directories: readonly LdapDirectory[]
  readonly recordOf: (row: PrincipalRow) => Promise<PrincipalRecord>
  readonly warn: (message: string) => void
}

/** Directories are asked in their order, unless the account is known to be of one of them. */
export function createExternalPasswords(deps: ExternalPasswordsDeps): ExternalPasswords {
  const { metadata, directories, recordOf, warn } = deps

  async function ask({ provider, decidesAdmin }: LdapDirectory, user: string, password: string) {
    const identity = await provider.check(user, password)
    if (identity === undefined) return undefined
    return recordOf(await admitExternal(metadata, { identity, decidesAdmin }))
  }

  return {
    async checkInVain() {
      const nobody = `nobody-${randomBytes(6).toString('hex')}`
      for (const { provider } of directories) {
        await provider.check(nobody, randomBytes(12).toString('hex')).catch(() => undefined)
      }
    },
    async check(user, password, record) {
      let unavailable: SignOnUnavailableError | undefined
      for (const { directory, name } of candidates(directories, user, record)) {
        try {
          const found = await ask(directory, name, password)
          if (found !== undefined) return found
        } catch (error) {
          // Others may know the account.
          if (!isNo(error)) throw error
          if (error instanceof SignOnUnavailableError) unavailable = error
          warn(`${directory.name} did not let somebody in: ${String(error)}`)
        }
      }
      // Nothing was learned of the password, so it must not count as a wrong one: a directory that was down for a
      // while would have locked out everybody who tried.
      if (unavailable !== undefined) {
        throw new StorageUnavailableError(unavailable.message, { cause: unavailable })
      }
      return undefined
    },
  }
}

function isNo(error: unknown): boolean {
  return (
    error instanceof SignOnError ||
    error instanceof SignOnUnavailableError ||
    error instanceof Refusal
  )
}

function candidates(
  directories: readonly LdapDirectory[],
  user: string,
  record: PrincipalRecord | undefined,
): readonly { readonly directory: LdapDirectory; readonly name: string }[] {
  return directories.flatMap((directory) => {
    const suffix = `.${directory.name}`
    const short = user.endsWith(suffix) ? user.slice(0, -suffix.length) : user
    if (record !== undefined) {
      return record.provider === `ldap:${directory.name}` ? [{ directory, name: short }] : []
    }
    return [{ directory, name: short }]
  })
}
