// Reads single-sign-on.yaml: the identity providers besides the registry's own users.
//
//   providers:
//     - { kind: oidc, name: corp, title: Example Corp, issuer: https://login.example.com, clientId: carrel }
//     - { kind: ldap, name: staff, title: Staff, url: ldaps://ldap.example.com, userBase: … }
//
// All problems are reported at once, each with its key's full name, and none repeats a value.
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'
import { compactFilter, filterProblem } from './ldap-filter.ts'
import { combinationProblems, directoryUrl, providersSchema } from './providers-schema.ts'
import type { WrittenLdap, WrittenOidc, WrittenProvider } from './providers-schema.ts'
import type { LdapGroups, LdapSettings, OidcSettings, Provider } from './providers-settings.ts'

export class ProvidersFileError extends Error {
  override readonly name = 'ProvidersFileError'
  /** One line for each, with the file's name and the key's full name. */
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/**
 * The providers in the order of the file, with the files that it names read.
 *
 * @throws {ProvidersFileError} with all that is wrong
 */
export async function readProviders(path: string): Promise<readonly Provider[]> {
  const report = createReport(basename(path))
  const written = parseFile(await readFileOrReport(path, (why) => report.add([], why)), report)
  const providers = await Promise.all(
    written.map(async (provider, index) => {
      const files = filesOf(dirname(path), (key, problem) =>
        report.add(['providers', index, key], problem),
      )
      return provider.kind === 'oidc'
        ? await toOidc(provider, files)
        : await toLdap(provider, files)
    }),
  )
  report.throwIfAny()
  return providers
}

interface Report {
  add(path: readonly PropertyKey[], problem: string): void
  addAt(line: number, problem: string): void
  throwIfAny(): void
}

function createReport(file: string): Report {
  const problems: string[] = []
  return {
    add: (path, problem) => {
      const key = keyName(path)
      problems.push(key === '' ? `${file}: ${problem}` : `${file}: ${key}: ${problem}`)
    },
    addAt: (line, problem) => problems.push(`${file}, line ${line}: ${problem}`),
    throwIfAny: () => {
      if (problems.length > 0) throw new ProvidersFileError(problems)
    },
  }
}

/** `providers[0].issuer` */
function keyName(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '')
}

function parseFile(content: string | undefined, report: Report): readonly WrittenProvider[] {
  report.throwIfAny()
  const tree = parseYaml(content ?? '', report)
  const result = providersSchema.safeParse(tree)
  for (const issue of result.error?.issues ?? []) addIssue(issue, report)
  for (const { path, problem } of combinationProblems(tree, filterProblem))
    report.add(path, problem)
  report.throwIfAny()
  return result.data?.providers ?? []
}

function parseYaml(content: string, report: Report): unknown {
  const lines = new LineCounter()
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false })
  // The library's own messages quote the file, which may hold secrets.
  for (const { pos, code } of document.errors) {
    const what = code === 'DUPLICATE_KEY' ? 'a key is written twice' : `is not YAML (${code})`
    report.addAt(lines.linePos(pos[0]).line, what)
  }
  report.throwIfAny()
  try {
    return document.toJS({ maxAliasCount: 100 }) as unknown
  } catch {
    // An alias (*name) without its anchor; the message would hold the name.
    report.add([], 'uses an alias that is not there; put quotes around a value that begins with *')
    report.throwIfAny()
    return undefined
  }
}

function addIssue(issue: z.core.$ZodIssue, report: Report): void {
  if (issue.code !== 'unrecognized_keys') {
    report.add(issue.path, issue.message)
    return
  }
  for (const key of issue.keys) {
    // What does not look like a key may be a value in the wrong place.
    if (/^[A-Za-z_-]{1,40}$/.test(key)) report.add([...issue.path, key], 'is not a key here')
    else report.add(issue.path, 'holds something that is not a key here')
  }
}

async function toOidc(written: WrittenOidc, files: Files): Promise<OidcSettings> {
  const { clientSecret, clientSecretFile, certificateAuthorityFile, ...rest } = written
  const secret = await files.secret('clientSecretFile', clientSecretFile, clientSecret)
  return {
    ...withoutUndefined(rest),
    ...(secret === undefined ? {} : { revealClientSecret: () => secret }),
    ...(await files.certificates(certificateAuthorityFile)),
  }
}

async function toLdap(written: WrittenLdap, files: Files): Promise<LdapSettings> {
  const { kind, name, title, url, userBase, subjectAttribute, nameAttribute, bindDn } = written
  const { bindPassword, bindPasswordFile, adminGroups, allowGroups } = written
  const password = await files.secret('bindPasswordFile', bindPasswordFile, bindPassword)
  const hasAccount = bindDn !== undefined && password !== undefined
  return {
    ...withoutUndefined({ kind, name, title, url, userBase, subjectAttribute, nameAttribute }),
    ...withoutUndefined({ adminGroups, allowGroups, groups: toGroups(written) }),
    security: toSecurity(written),
    userFilter: compactFilter(written.userFilter),
    ...(hasAccount ? { account: { dn: bindDn, revealPassword: () => password } } : {}),
    ...(await files.certificates(written.certificateAuthorityFile)),
  }
}

function toSecurity({ url, insecure }: WrittenLdap): LdapSettings['security'] {
  if (directoryUrl(url)?.protocol === 'ldaps:') return 'ldaps'
  return insecure === undefined ? 'starttls' : 'plain'
}

function toGroups(written: WrittenLdap): LdapGroups | undefined {
  const { groupBase: base, memberOfAttribute, groupFilter, groupNameAttribute } = written
  if (base === undefined) return undefined
  if (memberOfAttribute !== undefined) {
    return { from: 'member-of', base, attribute: memberOfAttribute }
  }
  const filter = compactFilter(groupFilter ?? '(&(objectClass=groupOfNames)(member={dn}))')
  return { from: 'search', base, filter, nameAttribute: groupNameAttribute ?? 'cn' }
}

type Present<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** Optional keys are absent and never `undefined`. */
function withoutUndefined<T extends object>(values: T): Present<T> {
  const present = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(present) as Present<T>
}

interface Files {
  secret(key: string, file?: string, value?: string): Promise<string | undefined>
  certificates(file?: string): Promise<{ readonly certificateAuthorities?: string }>
}

function filesOf(folder: string, add: (key: string, problem: string) => void): Files {
  return {
    async secret(key, file, value) {
      if (file === undefined) return value
      const text = await readFileOrReport(resolve(folder, file), (why) => add(key, why))
      if (text === undefined) return undefined
      const secret = text.trim()
      // An empty password would be a bind without one, which directories accept.
      if (secret === '') add(key, 'the file is empty')
      return secret
    },
    async certificates(file) {
      if (file === undefined) return {}
      const key = 'certificateAuthorityFile'
      const pem = await readFileOrReport(resolve(folder, file), (why) => add(key, why))
      if (pem === undefined) return {}
      if (!holdsCertificate(pem)) add(key, 'the file holds no certificate (PEM)')
      return { certificateAuthorities: pem }
    },
  }
}

async function readFileOrReport(
  path: string,
  report: (problem: string) => void,
): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    report(code === 'ENOENT' ? 'there is no such file' : `the file cannot be read (${code})`)
    return undefined
  }
}

function holdsCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== ''
  } catch {
    return false
  }
}
