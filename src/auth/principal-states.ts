// What a principal is at present (disabled? administrator? which grants?), and the tokens that are carried, each
// remembered for a few seconds: who was disabled, here or through another process, stops within them.
import type { Htpasswd } from './htpasswd.ts'
import type { HeldGrant } from './held-grant.ts'
import type { PrincipalDirectory, PrincipalRecord, SecretRecord, TokenRecord } from './principal.ts'
import { createRemembered, type Remembered, type RememberedOptions } from './remembered.ts'

export interface PrincipalStates {
  /** The remembered state; undefined when it must be looked up. */
  peek(id: number): PrincipalRecord | undefined
  /** Undefined when there is no such principal. */
  get(id: number): Promise<PrincipalRecord | undefined>
  /** To be called when a principal, its grants or its tokens were changed, so that this process knows at once. */
  forget(id: number): void
  /** The same for a token and its secrets. */
  forgetToken(id: number): void
  /** Whether this principal, as `peek` or `get` gave it, may do anything at all. */
  isActive(record: PrincipalRecord): boolean
  /** What its password is checked against; undefined when it cannot sign in with one. */
  passwordHashOf(record: PrincipalRecord): string | undefined
  readonly anybody: Pick<Remembered<0, readonly HeldGrant[]>, 'peek' | 'get'>
  readonly tokens: Pick<Remembered<number, TokenRecord>, 'peek' | 'get'>
  /** By hash. */
  readonly secrets: Pick<Remembered<string, SecretRecord>, 'peek' | 'get'>
}

export interface PrincipalStatesDeps {
  readonly principals: Pick<
    PrincipalDirectory,
    'findById' | 'findToken' | 'findSecret' | 'grantsOfAnybody'
  >
  readonly htpasswd?: Pick<Htpasswd, 'lookup' | 'current' | 'isFresh'> | undefined
}

/** Stands for the password of a user whose directory checked it. */
export function externalMark(provider: string): string {
  return `external:${provider}`
}

export function createPrincipalStates(
  { principals, htpasswd }: PrincipalStatesDeps,
  options: RememberedOptions = {},
): PrincipalStates {
  const records = createRemembered((id: number) => principals.findById(id), options)
  const tokens = createRemembered((id: number) => principals.findToken(id), options)
  const secrets = createRemembered((hash: string) => principals.findSecret(hash), options)
  const anybody = createRemembered<0, readonly HeldGrant[]>(
    () => principals.grantsOfAnybody(),
    options,
  )

  return {
    peek(id) {
      const record = records.peek(id)
      const isStale = record?.provider === 'htpasswd' && htpasswd?.isFresh() === false
      return isStale ? undefined : record
    },
    async get(id) {
      const record = await records.get(id)
      if (record?.provider === 'htpasswd') await htpasswd?.lookup(record.name)
      return record
    },
    forget: (id) => records.forget(id),
    forgetToken(id) {
      tokens.forget(id)
      secrets.forgetThose(({ tokenId }) => tokenId === id)
    },
    isActive(record) {
      if (record.disabled || isOver(record.expiresAt)) return false
      return record.provider !== 'htpasswd' || htpasswd?.current(record.name) !== undefined
    },
    passwordHashOf(record) {
      if (record.disabled || isOver(record.expiresAt) || record.kind !== 'user') return undefined
      if (record.provider === 'local') return record.passwordHash
      if (record.provider === 'htpasswd') return htpasswd?.current(record.name)
      return record.provider.startsWith('ldap:') ? externalMark(record.provider) : undefined
    },
    anybody,
    tokens,
    secrets,
  }
}

function isOver(expiresAt: number | undefined): boolean {
  return expiresAt !== undefined && expiresAt <= Date.now()
}
