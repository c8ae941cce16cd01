// Sign-in with the password of a directory (LDAP, RFC 4511 and 4513): the service account searches for
// the entry, then the server is asked to take the password for it. Wrong names, wrong passwords and
// switched-off accounts are all `undefined`, after the same questions to the server.
import { randomUUID } from 'node:crypto'
import { withDirectory } from './ldap-connection.ts'
import type { Directory } from './ldap-connection.ts'
import { isBelow, parseDn } from './ldap-dn.ts'
import { isDisabled, stateAttributes, subjectValue } from './ldap-entry.ts'
import type { DirectoryEntry } from './ldap-entry.ts'
import { fillFilter, subjectFilter } from './ldap-filter.ts'
import { createGate } from './ldap-gate.ts'
import {
  SignOnError,
  SignOnUnavailableError,
  standingOf,
  toDisplayName,
} from './providers-outcome.ts'
import type { ExternalIdentity, GroupRules, ProviderId } from './providers-outcome.ts'
import type { LdapGroups, LdapSettings } from './providers-settings.ts'

export interface LdapOptions {
  /** For everything about one question; 5 s. */
  readonly timeoutMs?: number
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** Told about what an administrator should correct: names that two entries have. */
  readonly warn?: (message: string) => void
}

export interface LdapProvider {
  readonly id: ProviderId
  /**
   * Who has this name and password; `undefined` for nobody.
   *
   * @throws {SignOnUnavailableError} when the directory cannot be asked
   * @throws {SignOnError} not-allowed, claim: the password is right, and yet this person cannot sign in
   */
  check(name: string, password: string): Promise<ExternalIdentity | undefined>
  /**
   * What the directory says now of somebody who signed in before; `undefined` once they are removed,
   * switched off, no longer found by userFilter or in none of the allowed groups.
   *
   * @throws {SignOnUnavailableError} when the directory cannot be asked, which says nothing
   * @throws {SignOnError} claim: the entry is there and lacks its name
   */
  refresh(subject: string): Promise<ExternalIdentity | undefined>
}

const maxConnections = 8
const maxWaiting = 200
const maxNameLength = 256
const maxPasswordLength = 1024

export function createLdapProvider(
  settings: LdapSettings,
  { timeoutMs = 5000, now = Date.now, warn = () => undefined }: LdapOptions = {},
): LdapProvider {
  const id: ProviderId = `ldap:${settings.name}`
  const gate = createGate({ running: maxConnections, waiting: maxWaiting })

  async function ask<T>(work: (directory: Directory) => Promise<T>): Promise<T> {
    const began = performance.now()
    const leave = await gate.enter(timeoutMs)
    if (leave === undefined) {
      const message = `${settings.title} cannot be asked now: too many sign-ins wait for it. Try again.`
      throw new SignOnUnavailableError(message)
    }
    try {
      const leftMs = Math.max(1, timeoutMs - (performance.now() - began))
      return await withDirectory(settings, leftMs, async (directory) => {
        await directory.bindAccount()
        return await work(directory)
      })
    } finally {
      leave()
    }
  }

  return {
    id,
    async check(name, password) {
      if (!isUsable(name, maxNameLength) || !isUsable(password, maxPasswordLength)) return undefined
      return await ask(async (directory) => {
        const filter = fillFilter(settings.userFilter, { name })
        const found = await searchUsers(directory, settings, filter)
        if (found.length > 1) warn(`${settings.title}: ${JSON.stringify(name)} is ${twoEntries}`)
        const entry = found.length === 1 ? found[0] : undefined
        // Nobody is asked about as well, so that the time does not tell which names there are.
        const isRight = await directory.bindUser(entry?.dn ?? nobodyBelow(settings), password)
        if (entry === undefined || !isRight || isDisabled(entry, now())) return undefined
        await directory.bindAccount()
        return requireAllowed(await toIdentity(directory, settings, entry), settings)
      })
    },

    async refresh(subject) {
      const value = subjectValue(settings.subjectAttribute, subject)
      if (value === undefined || subject === '') return undefined
      return await ask(async (directory) => {
        const { subjectAttribute, userFilter } = settings
        const filter = subjectFilter(subjectAttribute, value, userFilter)
        const [entry, second] = await searchUsers(directory, settings, filter)
        if (entry === undefined || second !== undefined) return undefined
        if (entry.subject(subjectAttribute) !== subject || isDisabled(entry, now()))
          return undefined
        const { identity, allowed } = await toIdentity(directory, settings, entry)
        return allowed ? identity : undefined
      })
    },
  }
}

const twoEntries =
  'the name of two entries, so nobody can sign in with it. ' +
  'Narrow userBase or userFilter in single-sign-on.yaml, or correct the directory.'

/** Some servers end a password at NUL, so that another one would be right too. */
function isUsable(text: string, maxLength: number): boolean {
  return text !== '' && text.length <= maxLength && !text.includes('\0')
}

async function searchUsers(
  directory: Directory,
  settings: LdapSettings,
  filter: ReturnType<typeof fillFilter>,
): Promise<readonly DirectoryEntry[]> {
  const { userBase, subjectAttribute, nameAttribute, groups } = settings
  const own = groups?.from === 'member-of' ? [groups.attribute] : []
  const attributes = [subjectAttribute, nameAttribute, 'displayName', 'cn', ...own]
  // Two tell that a name is not one person's.
  const limits = { limit: 2, subjectAttribute }
  const wanted = [...new Set([...attributes, ...stateAttributes])]
  return await directory.search({ base: userBase, filter, attributes: wanted, ...limits })
}

function nobodyBelow({ userBase }: LdapSettings): string {
  return `cn=nobody-${randomUUID()},${userBase}`
}

interface Found {
  readonly identity: ExternalIdentity
  readonly allowed: boolean
}

function requireAllowed({ identity, allowed }: Found, settings: LdapSettings): ExternalIdentity {
  if (allowed) return identity
  throw new SignOnError(
    'not-allowed',
    `${settings.title} knows you, but none of your groups may use this registry. ` +
      `Ask for membership in one of: ${(settings.allowGroups ?? []).join(', ')}.`,
  )
}

async function toIdentity(
  directory: Directory,
  settings: LdapSettings,
  entry: DirectoryEntry,
): Promise<Found> {
  const subject = entry.subject(settings.subjectAttribute)
  const name = entry.texts(settings.nameAttribute)[0]
  if (subject === undefined) throw lacking(settings, 'subjectAttribute')
  if (name === undefined || name.trim() === '') throw lacking(settings, 'nameAttribute')
  const groups = await groupsOf(directory, settings.groups, { entry, name })
  const displayName = toDisplayName(entry.texts('displayName')[0] ?? entry.texts('cn')[0])
  const { allowed, admin } = standingOf(groups.map(fold), foldedRules(settings))
  const identity: ExternalIdentity = {
    provider: `ldap:${settings.name}`,
    subject,
    name: name.trim(),
    ...(displayName === undefined ? {} : { displayName }),
    groups,
    admin,
  }
  return { identity, allowed }
}

function lacking(settings: LdapSettings, key: 'subjectAttribute' | 'nameAttribute'): SignOnError {
  return new SignOnError(
    'claim',
    `Your entry in ${settings.title} shows no ${settings[key]}. An administrator sets ${key} in ` +
      'single-sign-on.yaml to an attribute that every user has, or lets the account of bindDn read it.',
  )
}

async function groupsOf(
  directory: Directory,
  groups: LdapGroups | undefined,
  user: { readonly entry: DirectoryEntry; readonly name: string },
): Promise<readonly string[]> {
  if (groups === undefined) return []
  const { entry, name } = user
  if (groups.from === 'member-of') return ownGroups(entry, groups)
  const { base, nameAttribute } = groups
  const filter = fillFilter(groups.filter, { dn: entry.dn, name })
  const found = await directory.search({ base, filter, attributes: [nameAttribute] })
  return [...new Set(found.flatMap((group) => group.texts(nameAttribute).slice(0, 1)))]
}

/** A group elsewhere may have the same name, made by somebody who may not make the one below the base. */
function ownGroups(
  entry: DirectoryEntry,
  { attribute, base }: Extract<LdapGroups, { from: 'member-of' }>,
): readonly string[] {
  const baseName = parseDn(base) ?? []
  const names = entry.texts(attribute).flatMap((dn) => {
    const parts = parseDn(dn)
    return parts !== undefined && isBelow(parts, baseName) ? [parts[0]?.value ?? ''] : []
  })
  return [...new Set(names)].filter((name) => name !== '')
}

/** Names of groups have no case in a directory. */
function fold(name: string): string {
  return name.toLowerCase()
}

function foldedRules({ adminGroups, allowGroups }: LdapSettings): GroupRules {
  return {
    ...(adminGroups === undefined ? {} : { adminGroups: adminGroups.map(fold) }),
    ...(allowGroups === undefined ? {} : { allowGroups: allowGroups.map(fold) }),
  }
}
