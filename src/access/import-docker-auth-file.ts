// What a configuration file of docker_auth (github.com/cesanta/docker_auth, examples/reference.yml) says of users and of
// who may do what. Only its form is checked here; what an entry means is import-docker-auth-patterns.ts's business.
import { parseDocument } from 'yaml'
import { Refusal } from './refusal.ts'

export interface DockerAuthUser {
  readonly name: string
  /** Undefined: any password is taken. */
  readonly password: string | undefined
}

export interface DockerAuthEntry {
  /** From 1 on. */
  readonly number: number
  readonly account: string | undefined
  readonly type: string | undefined
  readonly name: string | undefined
  /** What else must be so, such as `ip` or `labels`. */
  readonly conditions: readonly string[]
  readonly actions: readonly string[]
  readonly comment: string
}

export interface DockerAuthFile {
  readonly users: readonly DockerAuthUser[]
  /** Whether somebody without a name may ask at all. */
  readonly anonymous: boolean
  readonly acl: readonly DockerAuthEntry[]
  /** Other places where docker_auth looks for users, such as `ldap_auth`. */
  readonly otherUsers: readonly string[]
  /** Other places where it looks for what somebody may do, such as `acl_mongo`. */
  readonly otherRules: readonly string[]
}

const longestFile = 8 * 1024 * 1024
const mostEntries = 5000
const otherRuleKeys = ['acl_mongo', 'acl_xorm', 'ext_authz', 'casbin_authz', 'plugin_authz']

/** @throws {Refusal} invalid */
export function readDockerAuth(text: string): DockerAuthFile {
  const root = parseYaml(text)
  const users = readUsers(root.get('users'))
  const acl = readAcl(root.get('acl'))
  if (users.length === 0 && acl.length === 0) {
    throw notDockerAuth('it has neither users nor an acl')
  }
  const keys = [...root.keys()].map(String)
  return {
    users: users.filter(({ name }) => name !== ''),
    anonymous: users.some(({ name }) => name === ''),
    acl,
    otherUsers: keys.filter((key) => key.endsWith('_auth')),
    otherRules: keys.filter((key) => otherRuleKeys.includes(key)),
  }
}

function parseYaml(text: string): ReadonlyMap<unknown, unknown> {
  if (text.length > longestFile) throw notDockerAuth(`it has more than ${longestFile} characters`)
  const document = parseDocument(text, { uniqueKeys: true })
  const [problem] = document.errors
  if (problem !== undefined) {
    // The lines that the message of the parser quotes can hold a password's hash.
    const { line } = problem.linePos?.[0] ?? {}
    throw notDockerAuth(`line ${line ?? '?'} is not YAML (${problem.code.toLowerCase()})`)
  }
  try {
    const root: unknown = document.toJS({ mapAsMap: true, maxAliasCount: 100 })
    if (root instanceof Map) return root
  } catch (error) {
    throw notDockerAuth((error as Error).message)
  }
  throw notDockerAuth('it is not a map of settings')
}

function readUsers(value: unknown): readonly DockerAuthUser[] {
  if (value === undefined || value === null) return []
  if (!(value instanceof Map)) throw notDockerAuth('users is not a map')
  return [...(value as ReadonlyMap<unknown, unknown>)].map(([key, user]) => {
    const name = scalar(key)
    if (name === undefined) throw notDockerAuth('a name under users is not text')
    if (!(user instanceof Map)) throw notDockerAuth(`what is said of user ${shown(name)} is no map`)
    const password = (user as ReadonlyMap<unknown, unknown>).get('password')
    if (password === undefined || password === null) return { name, password: undefined }
    if (typeof password !== 'string') {
      throw notDockerAuth(`the password of user ${shown(name)} is not text`)
    }
    return { name, password }
  })
}

function readAcl(value: unknown): readonly DockerAuthEntry[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw notDockerAuth('acl is not a list')
  if (value.length > mostEntries) throw notDockerAuth(`acl has more than ${mostEntries} entries`)
  return value.map((entry, index) => readEntry(entry, index + 1))
}

function readEntry(entry: unknown, number: number): DockerAuthEntry {
  const where = `entry ${number} of acl`
  if (!(entry instanceof Map)) throw notDockerAuth(`${where} is not a map`)
  const fields = entry as ReadonlyMap<unknown, unknown>
  const match = fields.get('match')
  if (!(match instanceof Map)) throw notDockerAuth(`${where} has no match`)
  const conditions = match as ReadonlyMap<unknown, unknown>
  const pattern = (key: string) => readPattern(conditions.get(key), `${key} in ${where}`)
  return {
    number,
    account: pattern('account'),
    type: pattern('type'),
    name: pattern('name'),
    conditions: [...conditions].flatMap(([key, value]) =>
      ['account', 'type', 'name'].includes(String(key)) || value === null ? [] : [String(key)],
    ),
    actions: readActionWords(fields.get('actions'), where),
    comment: scalar(fields.get('comment')) ?? '',
  }
}

/** A key without a value is as good as none. */
function readPattern(value: unknown, what: string): string | undefined {
  if (value === undefined || value === null) return undefined
  const text = scalar(value)
  if (text === undefined) throw notDockerAuth(`${what} is not text`)
  return text
}

function readActionWords(value: unknown, where: string): readonly string[] {
  if (!Array.isArray(value)) throw notDockerAuth(`${where} has no list of actions`)
  return value.map((word) => {
    const text = scalar(word)
    if (text === undefined) throw notDockerAuth(`an action in ${where} is not text`)
    return text
  })
}

function scalar(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 100))
}

function notDockerAuth(why: string): Refusal {
  return new Refusal('invalid', 'this is no configuration of docker_auth', { why })
}
