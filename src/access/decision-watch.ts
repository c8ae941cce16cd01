// What is learned from decisions: which grants and tokens are used, and by whom something was asked for in vain.
import type { Allowance, Permission, Refusal } from '../auth/authorize.ts'
import type { Identity } from '../auth/identity.ts'
import type { AuditEntry } from '../metadata/audit.ts'
import type { UseRecorder } from './last-use.ts'

export interface Decided {
  readonly identity: Identity
  readonly wanted: Permission
  readonly address: string
}

export interface DecisionWatch {
  allowed(decided: Decided, allowance: Allowance): void
  refused(decided: Decided, refusal: Refusal): void
}

/** The same refusal again within this time is not told again. */
const quietMs = 60_000
const maxRemembered = 1000

export function createDecisionWatch(
  uses: Pick<UseRecorder, 'used'>,
  audit: (entry: AuditEntry) => void,
): DecisionWatch {
  const told = new Map<string, number>()

  function isNew(key: string): boolean {
    const now = Date.now()
    const last = told.get(key)
    if (last !== undefined && now - last < quietMs) return false
    told.delete(key)
    const [oldest] = told.keys()
    if (oldest !== undefined && told.size >= maxRemembered) told.delete(oldest)
    told.set(key, now)
    return true
  }

  return {
    allowed({ identity, wanted, address }, { grant }) {
      if (identity.kind !== 'principal') {
        if (grant !== undefined) {
          uses.used({ grantId: grant.id, action: wanted.action, at: Date.now() })
        }
        return
      }
      // Who gives rights has used those that are given, too: without them nothing could be given.
      const { resource } = wanted
      if (grant !== undefined && resource.type === 'place') {
        for (const action of resource.giving) {
          uses.used({ grantId: grant.id, action, at: Date.now() })
        }
      }
      uses.used({
        grantId: grant?.id,
        action: resource.type === 'repository' ? wanted.action : 'admin',
        principalId: identity.id,
        tokenId: identity.token?.id,
        secretHash: identity.token?.secretHash,
        address,
        at: Date.now(),
      })
    },
    refused({ identity, wanted, address }, { reason, message }) {
      // Whoever has not signed in, or has to ask for another token, has not been refused yet.
      if (identity.kind !== 'principal' || reason === 'insufficient-scope') return
      const subject = subjectOf(wanted)
      if (!isNew(`${identity.id} ${wanted.action} ${subject}`)) return
      const actor = { id: identity.id, name: identity.name }
      const detail = { action: wanted.action, reason: message }
      audit({ event: 'access.refused', actor, subject, address, detail })
    },
  }
}

function subjectOf({ resource }: Permission): string {
  if (resource.type === 'place') return resource.place.text
  return 'name' in resource ? resource.name : resource.type
}
