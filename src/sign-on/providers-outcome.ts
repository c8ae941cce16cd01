// What asking a provider of identities comes to: an identity from outside, or one of two errors.
// SignOnError: the provider answered, and this person cannot sign in. SignOnUnavailableError: it
// could not be asked, which says nothing about the person, so others may still sign in elsewhere.

/** `oidc:NAME` or `ldap:NAME`; with `subject` it is the identity (a name or a mail never is). */
export type ProviderId = `oidc:${string}` | `ldap:${string}`

export interface ExternalIdentity {
  readonly provider: ProviderId
  /** Never given to somebody else by the provider: the claim `sub`, or an entry's UUID. */
  readonly subject: string
  /** The user name that the provider wishes for, as it wrote it; see `toUserName`. */
  readonly name: string
  readonly displayName?: string
  /** All groups of now. They replace those of the last time, they are not added to them. */
  readonly groups: readonly string[]
  /** True when one of the groups is an administrators' group of the configuration. */
  readonly admin: boolean
}

export type SignOnProblem =
  /** The person, or the provider for them, said no. */
  | 'denied'
  /** Signed in at the provider, but in none of the groups that may use this registry. */
  | 'not-allowed'
  /** Begun too long ago, or finished before. */
  | 'expired'
  /** The answer does not belong to the question: another browser, provider or sign-in. */
  | 'mismatch'
  /** The clocks of both machines are too far apart. */
  | 'clock'
  /** A claim or attribute that is needed is not there or has the wrong form. */
  | 'claim'
  /** Settings here and at the provider do not fit each other. */
  | 'configuration'
  /** The provider's answer is broken or not signed by it. */
  | 'answer'

/** The message is whole sentences for the person who signs in and holds no secret. */
export class SignOnError extends Error {
  override readonly name = 'SignOnError'
  readonly problem: SignOnProblem

  constructor(problem: SignOnProblem, message: string, options?: ErrorOptions) {
    super(message, options)
    this.problem = problem
  }
}

/** The provider could not be asked. The message is whole sentences and holds no secret. */
export class SignOnUnavailableError extends Error {
  override readonly name = 'SignOnUnavailableError'
}

export interface GroupRules {
  readonly adminGroups?: readonly string[]
  /** Who may sign in at all; absent: everybody whom the provider knows. */
  readonly allowGroups?: readonly string[]
}

export interface Standing {
  readonly allowed: boolean
  readonly admin: boolean
}

/** What the groups of a person amount to under the rules of one provider. */
export function standingOf(groups: readonly string[], rules: GroupRules): Standing {
  const held = new Set(groups)
  const holdsOneOf = (wanted: readonly string[]) => wanted.some((group) => held.has(group))
  return {
    allowed: rules.allowGroups === undefined || holdsOneOf(rules.allowGroups),
    admin: rules.adminGroups !== undefined && holdsOneOf(rules.adminGroups),
  }
}

/** For people only: one line without control characters, or `undefined` when nothing is left. */
export function toDisplayName(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  const text = value.replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  return text === '' ? undefined : text.slice(0, maxDisplayNameLength).toWellFormed()
}

const maxDisplayNameLength = 200
