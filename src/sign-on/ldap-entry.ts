// Reads what a search found (RFC 4511 section 4.5.2). Names of attributes have no case, and servers
// answer with their own spelling.
import type { Entry } from 'ldapts'

export interface DirectoryEntry {
  readonly dn: string
  /** The values that are text, in the server's order. */
  texts(attribute: string): readonly string[]
  /** The first value, as a subject is kept: text as it is, binary values in hex. */
  subject(attribute: string): string | undefined
}

/** Attributes that are octets, not text; those of others that are not UTF-8 count as absent. */
const binaryAttributes = ['objectGUID', 'objectSid']

function isBinaryAttribute(attribute: string): boolean {
  return binaryAttributes.some((name) => name.toLowerCase() === attribute.toLowerCase())
}

/** Both spellings: the library compares with that of the server's answer. */
export function explicitBuffers(attribute: string): string[] {
  return isBinaryAttribute(attribute) ? [attribute, ...binaryAttributes] : []
}

/** The reverse of `subject`; `undefined` when it cannot have come from this attribute. */
export function subjectValue(attribute: string, subject: string): string | Buffer | undefined {
  if (!isBinaryAttribute(attribute)) return subject
  return /^(?:[0-9a-f]{2}){1,64}$/.test(subject) ? Buffer.from(subject, 'hex') : undefined
}

export function toDirectoryEntry(entry: Entry): DirectoryEntry {
  const attributes = new Map<string, readonly (string | Buffer)[]>()
  for (const [name, value] of Object.entries(entry)) {
    if (name !== 'dn') attributes.set(name.toLowerCase(), Array.isArray(value) ? value : [value])
  }
  const valuesOf = (attribute: string) => attributes.get(attribute.toLowerCase()) ?? []
  return {
    dn: entry.dn,
    texts: (attribute) => valuesOf(attribute).filter((value) => typeof value === 'string'),
    subject: (attribute) => {
      const value = valuesOf(attribute)[0]
      if (value === undefined || value.length === 0) return undefined
      if (isBinaryAttribute(attribute)) return Buffer.from(value).toString('hex')
      return typeof value === 'string' ? value : undefined
    },
  }
}

/** What directories write down about accounts that may not be used; asked for with every user. */
export const stateAttributes: readonly string[] = [
  'userAccountControl',
  'accountExpires',
  'nsAccountLock',
  'loginDisabled',
  'pwdAccountLockedTime',
]

/**
 * Whether the directory has switched the account off. It would refuse its password as well, but for
 * people who are signed in already nobody asks for a password again.
 */
export function isDisabled(entry: DirectoryEntry, nowMs: number): boolean {
  const first = (attribute: string) => entry.texts(attribute)[0] ?? ''
  // Active Directory: ADS_UF_ACCOUNTDISABLE, and the end in units of 100 ns since 1601, 0 for none.
  if ((Number(first('userAccountControl')) & 2) !== 0) return true
  const expires = Number(first('accountExpires') || '0')
  if (expires > 0 && expires < neverExpires && expires / 10_000 - epoch1601Ms <= nowMs) return true
  // 389 Directory Server and FreeIPA; eDirectory; OpenLDAP's ppolicy, locked by an administrator.
  const isTrue = (attribute: string) => first(attribute).toUpperCase() === 'TRUE'
  if (isTrue('nsAccountLock') || isTrue('loginDisabled')) return true
  return first('pwdAccountLockedTime') === '000001010000Z'
}

const epoch1601Ms = 11_644_473_600_000
/** Active Directory writes 2^63 - 1, which is this as a double. */
const neverExpires = 2 ** 63
