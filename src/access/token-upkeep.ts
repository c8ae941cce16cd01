// What happens to tokens by themselves: their owners are told before they end, and logins that are over are removed.
import { appendAudit } from '../metadata/audit.ts'
import type { MetadataStore, Reader } from '../metadata/metadata-store.ts'
import {
  listExpiring,
  listTokens,
  markExpiryTold,
  removeExpiredTokens,
  type ExpiringToken,
} from '../metadata/tokens.ts'
import { createTokenViews, type Token } from './token-view.ts'

const dayMs = 24 * 60 * 60_000
const tellBeforeMs = 7 * dayMs
const atOnce = 100

/** The installation itself, where it does something that nobody asked for. */
const itself = { name: 'carrel' }

/**
 * Tokens that end within 7 days and whose end was not told yet. From now on it was: of several nodes that ask at once,
 * each token is told of by one. A full page of 100 means that there may be more.
 */
export async function expiringTokens({
  metadata,
}: {
  readonly metadata: MetadataStore
}): Promise<{ readonly told: readonly Token[]; readonly more: boolean }> {
  const before = Date.now() + tellBeforeMs
  const page = { before, limit: atOnce }
  // Most of the time there is nothing, and nothing is written then.
  if ((await listExpiring(metadata, { ...page, limit: 1 })).length === 0) {
    return { told: [], more: false }
  }
  return metadata.write(async (tx) => {
    const told: Token[] = []
    const expiring = await listExpiring(tx, page)
    for (const one of expiring) {
      if (!(await markExpiryTold(tx, one))) continue
      const token = await viewOf(tx, one)
      if (token === undefined || !isWorthTelling(token, one.expiresAt)) continue
      told.push(token)
      await appendAudit(tx, {
        event: 'token.expiring',
        actor: itself,
        subject: `${token.owner.kind}:${token.owner.name}`,
        detail: {
          token: token.id,
          kind: token.kind,
          name: token.name,
          expiresAt: new Date(one.expiresAt).toISOString(),
        },
      })
    }
    return { told, more: expiring.length === atOnce }
  })
}

/** Whoever makes a token for less than a week knows that it ends soon. */
function isWorthTelling(token: Token, expiresAt: number): boolean {
  const present = token.secrets.find(({ replacedAt }) => replacedAt === undefined)
  const madeAt = present?.createdAt ?? token.createdAt
  return token.kind !== 'login' && expiresAt - madeAt > tellBeforeMs
}

async function viewOf(reader: Reader, { id }: ExpiringToken): Promise<Token | undefined> {
  const [row] = await listTokens(reader, { after: id - 1, limit: 1 })
  return row?.id === id ? createTokenViews(reader)(row) : undefined
}

/** Removes what is left of logins that ended a day ago. Returns how many there were; 1,000 means there may be more. */
export async function removeEndedLogins({
  metadata,
}: {
  readonly metadata: MetadataStore
}): Promise<number> {
  const ended = { kind: 'login', before: Date.now() - dayMs, limit: 1000 } as const
  return metadata.write((tx) => removeExpiredTokens(tx, ended), { durable: false })
}
