// /api/v1/tokens. People look after their own, administrators after those of everybody.
import {
  createToken,
  listTokens,
  revokeToken,
  rotateToken,
  showToken,
} from '../../../access/tokens.ts'
import { Refusal } from '../../../access/refusal.ts'
import { longestLoginMs, usualLifetimeMs } from '../../../access/token-expiry.ts'
import type { Token } from '../../../access/token-view.ts'
import { findSubject } from '../../../access/subjects.ts'
import { principalId, type Identity } from '../../../auth/identity.ts'
import type { OperationOf, OutputOf } from '../../../contract/operations.ts'
import type { Reader } from '../../../metadata/metadata-store.ts'
import { findPrincipalById } from '../../../metadata/principals.ts'
import { findToken } from '../../../metadata/tokens.ts'
import { expecting } from '../etag.ts'
import { given } from '../given.ts'
import {
  installationAdmin,
  ownAccount,
  seesAll,
  type ApiCall,
  type Handlers,
  type Needs,
} from '../handler.ts'
import { expiryOf, iso, times } from '../moment.ts'
import { ofPrincipal, principalNamed } from '../of-principal.ts'
import { pageById } from '../page.ts'

export const tokenHandlers: Handlers<OperationOf<'tokens'>> = {
  'tokens.list': {
    needs: (input, identity) =>
      isAboutAll(input, identity) ? installationAdmin() : ownOrOf(input.for),
    async run(call) {
      const { deps, input } = call
      const owner = await ownerOf(call)
      return pageById(input, {
        fetch: async (after, limit) => listTokens(deps, { principalId: owner, after, limit }),
        keyOf: ({ id }) => id,
        item: tokenOutput,
      })
    },
  },
  'tokens.create': {
    // Whoever has no account is told to say whose it is.
    needs: (input, identity) =>
      isAboutAll(input, identity) ? installationAdmin() : ownOrOf(input.for),
    async run({ deps, actor, identity, input }) {
      const { for: who, expiresAt, ...asked } = input
      const owner = who === undefined ? undefined : principalNamed(who)
      if (who !== undefined) await findSubject(deps.metadata, who)
      const ends = within(ownEnd(identity), expiryOf(expiresAt), asked.kind)
      const { secret, ...made } = await createToken(deps, actor, {
        ...asked,
        ...given({ for: owner, expiresAt: ends }),
        mayNever: seesAll(identity),
      })
      return { ...tokenOutput(made), secret }
    },
  },
  'tokens.show': {
    locate: locateOwner,
    run: async ({ deps, input }) => tokenOutput(await showToken(deps, input.id)),
  },
  'tokens.rotate': {
    locate: locateOwner,
    async run({ deps, actor, identity, input: { id, graceSeconds, expiresAt }, expect }) {
      const graceMs = graceSeconds === undefined ? undefined : graceSeconds * 1000
      const before = await showToken(deps, id)
      const latest = laterOf(ownEnd(identity), before.expiresAt)
      const { secret, ...rotated } = await rotateToken(deps, actor, {
        id,
        graceMs,
        expiresAt: within(latest, expiryOf(expiresAt)),
        mayNever: seesAll(identity),
        ...expecting(expect, tokenOutput),
      })
      deps.forgetToken?.(id)
      return { ...tokenOutput(rotated), secret }
    },
  },
  'tokens.revoke': {
    locate: locateOwner,
    async run({ deps, actor, input: { id }, expect }) {
      await revokeToken(deps, actor, { id, ...expecting(expect, tokenOutput) })
      deps.forgetToken?.(id)
    },
  },
}

/** When the token ends that the caller came with; undefined for who came with a password, or with one without end. */
function ownEnd(identity: Identity): number | undefined {
  return identity.kind === 'principal' ? identity.token?.expiresAt : undefined
}

function laterOf(own: number | undefined, other: number | undefined): number | undefined {
  return own === undefined || other === undefined ? undefined : Math.max(own, other)
}

/**
 * A token makes none that outlasts it: whoever finds one could keep it alive for ever. What was not asked for ends as
 * usual, or with the token that asks.
 *
 * @throws {Refusal} denied
 */
function within(
  latest: number | undefined,
  asked: number | 'never' | undefined,
  kind?: 'personal' | 'login',
): number | 'never' | undefined {
  if (latest === undefined) return asked
  if (asked === undefined) {
    const usual = kind === 'login' ? longestLoginMs : usualLifetimeMs
    return Math.min(latest, Date.now() + usual)
  }
  if (asked !== 'never' && asked <= latest) return asked
  throw new Refusal('denied', 'a token makes no token that outlasts it', {
    why: `the one that this was asked with ends on ${iso(latest)}`,
    fix: 'carrel login HOST',
  })
}

interface About {
  readonly for?: string
  readonly all?: boolean
}

/** Whoever has no account of their own means everybody's. */
function isAboutAll(input: About, identity: Identity): boolean {
  return input.all === true || (input.for === undefined && identity.kind === 'operator')
}

function ownOrOf(who: string | undefined): Needs {
  return who === undefined ? ownAccount() : ofPrincipal(principalNamed(who))
}

/** Undefined for everybody's. */
async function ownerOf({
  deps: { metadata },
  identity,
  input,
}: ApiCall<'tokens.list'>): Promise<number | undefined> {
  if (input.for === undefined) {
    return isAboutAll(input, identity) ? undefined : principalId(identity)
  }
  const subject = await findSubject(metadata, input.for)
  return 'id' in subject ? subject.id : undefined
}

async function locateOwner(
  reader: Reader,
  { id }: { readonly id: number },
): Promise<Needs | undefined> {
  const token = await findToken(reader, id)
  const owner = token && (await findPrincipalById(reader, token.principalId))
  return owner && ofPrincipal(owner.name)
}

export function tokenOutput(token: Token): OutputOf<'tokens.show'> {
  const { id, kind, name, owner, scopes, createdBy, lastUsedFrom, state, secrets } = token
  const { createdAt, expiresAt, revokedAt, lastUsedAt } = token
  return {
    id,
    kind,
    name,
    for: `${owner.kind}:${owner.name}`,
    ...given({ scopes, createdBy, lastUsedFrom }),
    createdAt: iso(createdAt),
    ...times({ expiresAt, revokedAt, lastUsedAt }),
    state,
    secrets: secrets.map((secret) => ({
      slot: secret.slot,
      state: secret.state,
      createdAt: iso(secret.createdAt),
      ...times({
        lastUsedAt: secret.lastUsedAt,
        replacedAt: secret.replacedAt,
        endsAt: secret.endsAt,
      }),
    })),
  }
}
