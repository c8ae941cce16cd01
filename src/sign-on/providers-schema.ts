// What may stand in single-sign-on.yaml: each key by itself (zod, strict), then keys that depend on each
// other, which are looked at even when a key is wrong, so that all problems are found at once. No text
// repeats a value: it could be a secret in the wrong place.
import { z } from 'zod'
import { parseDn } from './ldap-dn.ts'
import type { TemplateRules } from './ldap-filter.ts'

interface BadValue {
  readonly input?: unknown
}

function expected(what: string): (issue: BadValue) => string {
  return ({ input }) => {
    if (input === undefined) return 'is missing'
    return input === null ? 'has no value' : `must be ${what}`
  }
}

function text(maxLength = 500) {
  return z
    .string({ error: expected('text; put quotes around a number') })
    .min(1, { error: 'must not be empty' })
    .max(maxLength, { error: `must have at most ${maxLength} characters` })
}

function textThat(problem: string, isRight: (value: string) => boolean) {
  return text().refine((value) => value === '' || isRight(value), { error: problem })
}

function list(item: z.ZodType<string>) {
  return z.array(item, { error: expected('a list') }).min(1, { error: 'must not be an empty list' })
}

const distinguishedName = textThat(
  'must be a distinguished name such as ou=people,dc=example,dc=com',
  (value) => parseDn(value) !== undefined,
)

const attributeName = textThat(
  'must be the name of an attribute, which has letters, digits and hyphens',
  (value) => /^[A-Za-z][A-Za-z0-9-]*$/.test(value),
)

const common = {
  name: textThat(
    'must be lower-case letters and digits with single hyphens between them, at most 32',
    (value) => value.length <= 32 && /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(value),
  ),
  title: text(60),
  adminGroups: list(text()).optional(),
  allowGroups: list(text()).optional(),
  certificateAuthorityFile: text().optional(),
}

const oidcSchema = z.strictObject({
  kind: z.literal('oidc'),
  ...common,
  issuer: textThat(
    'must be an address such as https://login.example.com, without a query',
    isIssuer,
  ),
  clientId: text(),
  clientSecret: text().optional(),
  clientSecretFile: text().optional(),
  scopes: list(textThat('must be a scope, without spaces', (value) => /^[!#-[\]-~]+$/.test(value)))
    .refine((scopes) => scopes.includes('openid'), { error: 'must hold openid' })
    .default(['openid', 'profile', 'email', 'groups']),
  nameClaim: text().default('preferred_username'),
  groupsClaim: text().default('groups'),
})

const ldapSchema = z.strictObject({
  kind: z.literal('ldap'),
  ...common,
  url: textThat(
    'must be ldaps://HOST or ldap://HOST, with :PORT when it is not the usual one',
    (value) => directoryUrl(value) !== undefined,
  ),
  startTls: z.boolean({ error: expected('true or false') }).optional(),
  insecure: z.union([z.literal(true), text()], { error: expected('true or a host') }).optional(),
  bindDn: textThat('must be a distinguished name, or a name with @ or \\', (value) =>
    /[=@\\]/.test(value),
  ).optional(),
  bindPassword: text().optional(),
  bindPasswordFile: text().optional(),
  userBase: distinguishedName,
  userFilter: text(2000).default('(&(objectClass=person)(uid={name}))'),
  subjectAttribute: attributeName
    .refine((value) => value.toLowerCase() !== 'dn', {
      error: 'must be an attribute that never changes, such as entryUUID; a DN changes with a name',
    })
    .default('entryUUID'),
  nameAttribute: attributeName.default('uid'),
  groupBase: distinguishedName.optional(),
  groupFilter: text(2000).optional(),
  groupNameAttribute: attributeName.optional(),
  memberOfAttribute: attributeName.optional(),
})

export const providersSchema = z.strictObject(
  {
    providers: z
      .array(
        z.discriminatedUnion('kind', [oidcSchema, ldapSchema], {
          error: ({ input }) =>
            isTree(input) ? 'must be oidc or ldap' : 'must hold keys such as kind and name',
        }),
        { error: expected('a list') },
      )
      .max(32, { error: 'must have at most 32 entries' }),
  },
  { error: 'must hold a list under the key providers' },
)

export type WrittenProvider = z.infer<typeof providersSchema>['providers'][number]
export type WrittenOidc = Extract<WrittenProvider, { kind: 'oidc' }>
export type WrittenLdap = Extract<WrittenProvider, { kind: 'ldap' }>

export interface KeyProblem {
  readonly path: readonly PropertyKey[]
  readonly problem: string
}

export type FilterCheck = (template: string, rules: TemplateRules) => string | undefined

/** Problems of keys that are right each by itself but do not go together. */
export function combinationProblems(tree: unknown, filterProblem: FilterCheck): KeyProblem[] {
  const entries = isTree(tree) && Array.isArray(tree.providers) ? tree.providers : []
  const problems: KeyProblem[] = []
  const names = new Set<unknown>()
  for (const [index, entry] of (entries as readonly unknown[]).entries()) {
    if (!isTree(entry)) continue
    const add = (key: string, problem: string) =>
      problems.push({ path: ['providers', index, key], problem })
    if (names.has(entry.name)) add('name', 'is the name of another provider too')
    if (typeof entry.name === 'string') names.add(entry.name)
    if (entry.kind === 'oidc') addSecretProblem(entry, 'clientSecret', add)
    if (entry.kind === 'ldap') addLdapProblems(entry, filterProblem, add)
  }
  return problems
}

type Add = (key: string, problem: string) => void

function addSecretProblem(entry: Tree, key: string, add: Add): void {
  if (entry[key] !== undefined && entry[`${key}File`] !== undefined) {
    add(key, `is set, and ${key}File too: set only one of them`)
  }
}

function addLdapProblems(entry: Tree, filterProblem: FilterCheck, add: Add): void {
  const has = (key: string) => entry[key] !== undefined
  addSecurityProblems(entry, add)
  addSecretProblem(entry, 'bindPassword', add)
  const hasPassword = has('bindPassword') || has('bindPasswordFile')
  if (has('bindDn') && !hasPassword) add('bindPasswordFile', 'is missing; bindDn needs it')
  if (!has('bindDn') && hasPassword) add('bindDn', 'is missing; the password belongs to it')

  const groupKeys = ['groupFilter', 'groupNameAttribute', 'memberOfAttribute']
  const needing = [...groupKeys, 'adminGroups', 'allowGroups'].find(has)
  if (!has('groupBase') && needing !== undefined)
    add('groupBase', `is missing; ${needing} needs it`)
  for (const key of ['groupFilter', 'groupNameAttribute']) {
    if (has('memberOfAttribute') && has(key)) {
      add(key, 'is for groups that are searched; memberOfAttribute says that they are not')
    }
  }

  const filters: readonly (readonly [key: string, rules: TemplateRules])[] = [
    ['userFilter', { allowed: ['name'], required: ['name'] }],
    ['groupFilter', { allowed: ['dn', 'name'], required: ['dn', 'name'] }],
  ]
  for (const [key, rules] of filters) {
    const template = entry[key]
    const problem = typeof template === 'string' ? filterProblem(template, rules) : undefined
    if (problem !== undefined) add(key, problem)
  }
}

function addSecurityProblems(entry: Tree, add: Add): void {
  const url = typeof entry.url === 'string' ? directoryUrl(entry.url) : undefined
  if (url === undefined) return
  const { startTls, insecure } = entry
  if (url.protocol === 'ldaps:') {
    if (startTls === true) add('startTls', 'is for ldap://; ldaps:// is encrypted from the start')
    if (insecure !== undefined) add('insecure', 'is for ldap://; ldaps:// is encrypted')
    return
  }
  if (insecure === undefined) {
    if (startTls === false) {
      add(
        'startTls',
        'is false, so passwords would not be encrypted; leave it out, or see insecure',
      )
    }
    return
  }
  if (startTls === true) add('startTls', 'contradicts insecure: set only one of them')
  if (insecure === true && !isLoopback(url.hostname)) {
    add(
      'insecure',
      'is true, which is enough for this machine only; to send passwords over the network ' +
        'unencrypted, write the host of the url in place of true',
    )
  }
  if (typeof insecure === 'string' && insecure !== url.hostname) {
    add('insecure', 'must be the host of the url, exactly')
  }
}

export function directoryUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  const isDirectory = url.protocol === 'ldap:' || url.protocol === 'ldaps:'
  const rest = url.username + url.password + url.pathname.replace('/', '') + url.search + url.hash
  return isDirectory && url.hostname !== '' && rest === '' ? url : undefined
}

function isIssuer(text: string): boolean {
  if (!URL.canParse(text)) return false
  const url = new URL(text)
  const isWeb = url.protocol === 'https:' || url.protocol === 'http:'
  return isWeb && url.username + url.password === '' && !/[?#\s]/.test(text)
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
}

type Tree = Readonly<Record<string, unknown>>

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
