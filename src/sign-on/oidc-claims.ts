// From verified claims (OpenID Connect Core 1.0 section 5.1) to an identity. The subject is `sub` and
// nothing else: mail addresses and names can be given to other people, and some providers let people
// write them themselves.
import { SignOnError, standingOf, toDisplayName } from './providers-outcome.ts'
import type { ExternalIdentity, ProviderId } from './providers-outcome.ts'
import type { OidcSettings } from './providers-settings.ts'

export type Claims = Readonly<Record<string, unknown>>

const maxSubjectLength = 255
const maxGroups = 2000

/** Some providers put name and groups into the ID token, some into userinfo alone. */
export function lacksClaims(claims: Claims, { nameClaim, groupsClaim }: OidcSettings): boolean {
  return claims[nameClaim] === undefined || claims[groupsClaim] === undefined
}

/** @throws {SignOnError} claim, not-allowed */
export function toIdentity(claims: Claims, settings: OidcSettings): ExternalIdentity {
  const { title, nameClaim, allowGroups, groupsClaim } = settings
  const { sub, name: fullName } = claims
  if (typeof sub !== 'string' || sub === '' || sub.length > maxSubjectLength) {
    throw new SignOnError('claim', `${title} did not say who signed in (claim sub). ${tellAdmin}`)
  }
  const name = claims[nameClaim]
  if (typeof name !== 'string' || name.trim() === '') {
    throw new SignOnError(
      'claim',
      `${title} gave no user name: the claim ${nameClaim} is missing. ` +
        'An administrator adds it at the provider, or sets nameClaim to one that is there.',
    )
  }
  const groups = groupsOf(claims, settings)
  const { allowed, admin } = standingOf(groups, settings)
  if (!allowed) {
    const given = claims[groupsClaim] === undefined ? ` (it sent no claim ${groupsClaim})` : ''
    throw new SignOnError(
      'not-allowed',
      `${title} knows you, but none of your groups may use this registry${given}. ` +
        `Ask for membership in one of: ${(allowGroups ?? []).join(', ')}.`,
    )
  }
  const displayName = toDisplayName(fullName)
  return {
    provider: providerId(settings),
    subject: sub,
    name: name.trim(),
    ...(displayName === undefined ? {} : { displayName }),
    groups,
    admin,
  }
}

export function providerId({ name }: OidcSettings): ProviderId {
  return `oidc:${name}`
}

function groupsOf(claims: Claims, { title, groupsClaim }: OidcSettings): readonly string[] {
  const value = claims[groupsClaim]
  if (value === undefined) {
    requireNoOverage(claims, { title, groupsClaim })
    return []
  }
  const groups: readonly unknown[] = Array.isArray(value) ? value : [value]
  const isUsable = groups.length <= maxGroups && groups.every((group) => typeof group === 'string')
  if (!isUsable) {
    throw new SignOnError(
      'claim',
      `${title} sent groups in a form that is not understood: the claim ${groupsClaim} must be a ` +
        `list of at most ${maxGroups} names. ${tellAdmin}`,
    )
  }
  return [...new Set(groups)].filter((group) => group !== '')
}

/**
 * Entra ID leaves the groups out when somebody has too many for a token. To take that for no groups
 * would silently end memberships.
 */
function requireNoOverage(claims: Claims, settings: Pick<OidcSettings, 'title' | 'groupsClaim'>) {
  const elsewhere = claims._claim_names
  const isElsewhere =
    typeof elsewhere === 'object' && elsewhere !== null && settings.groupsClaim in elsewhere
  if (!isElsewhere && claims.hasgroups !== true) return
  throw new SignOnError(
    'claim',
    `You are in more groups than ${settings.title} puts into a sign-in, so yours are not known. ` +
      'An administrator lets the provider send only the groups assigned to this application.',
  )
}

const tellAdmin = 'An administrator of the provider can correct that.'
