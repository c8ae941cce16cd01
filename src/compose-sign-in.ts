// Signing in with what is kept elsewhere: providers of the single-sign-on file, directories, and trust rules for CI
// jobs. What an installation does not use is never loaded, and what it uses only when somebody signs in by it.
import { readFile } from 'node:fs/promises'
import { InstallationError } from './cli/composition.ts'
import type { ExternalPasswords } from './auth/check-password.ts'
import type { Federate } from './auth/sign-in-federated.ts'
import type { OidcLogin } from './http/site/oidc-routes.ts'
import { ok, problem, shellWord, type Check } from './installation/doctor/check.ts'
import type { MetadataStore } from './metadata/metadata-store.ts'
import type { Outbound } from './outbound/outbound.ts'
import type { IdTokenVerifier } from './sign-on/id-token.ts'
import type { LdapProvider } from './sign-on/ldap.ts'
import type { OidcProvider } from './sign-on/oidc.ts'
import type { LdapSettings, OidcSettings, Provider } from './sign-on/providers-settings.ts'

export interface SignInSettings {
  readonly singleSignOnFile?: string | undefined
  readonly outboundAllow: readonly string[]
  readonly outboundAuthoritiesFile?: string | undefined
}

export interface SignInParts {
  /** Undefined where there are no directories. */
  readonly external: ExternalPasswords | undefined
  readonly oidc: readonly OidcLogin[]
  readonly federate: Federate
  readonly idTokens: IdTokenVerifier
}

export interface SignInDeps {
  readonly metadata: MetadataStore
  readonly warn: (message: string) => void
}

/** @throws {ProvidersFileError} with all that is wrong with the file */
export async function composeSignIn(
  settings: SignInSettings,
  deps: SignInDeps,
): Promise<SignInParts> {
  const providers = await providersOf(settings)
  const idTokens = idTokensOf(settings)
  const federate = lazily(async () => {
    const { createFederate } = await import('./access/federation.ts')
    return createFederate({ metadata: deps.metadata, idTokens })
  })
  return {
    external: await externalOf(providers.filter(isLdap), deps),
    oidc: providers.filter(isOidc).map((provider) => oidcLogin(provider, settings)),
    federate: async (token, user) => (await federate())(token, user),
    idTokens,
  }
}

function idTokensOf(settings: SignInSettings): IdTokenVerifier {
  const load = lazily(async () => {
    const { createIdTokenVerifier } = await import('./sign-on/id-token.ts')
    return createIdTokenVerifier({ outbound: await openOutbound(settings) })
  })
  return {
    verify: async (token, expected) => (await load()).verify(token, expected),
    validateIssuer: async (issuer, jwksUrl) => (await load()).validateIssuer(issuer, jwksUrl),
  }
}

async function providersOf({ singleSignOnFile }: SignInSettings): Promise<readonly Provider[]> {
  if (singleSignOnFile === undefined) return []
  const { readProviders } = await import('./sign-on/providers.ts')
  return readProviders(singleSignOnFile)
}

function oidcLogin(provider: OidcSettings, settings: SignInSettings): OidcLogin {
  const { name, title, adminGroups } = provider
  const load = lazily(async () => openOidc(provider, settings))
  return { name, title, decidesAdmin: adminGroups !== undefined, provider: load }
}

async function openOidc(provider: OidcSettings, settings: SignInSettings): Promise<OidcProvider> {
  const { createOidcProvider } = await import('./sign-on/oidc.ts')
  const outbound = await openOutbound(settings, provider.certificateAuthorities)
  return createOidcProvider(provider, { outbound })
}

async function externalOf(
  directories: readonly LdapSettings[],
  { metadata, warn }: SignInDeps,
): Promise<ExternalPasswords | undefined> {
  if (directories.length === 0) return undefined
  const [{ createExternalPasswords }, { recordOf }] = await Promise.all([
    import('./access/external-login.ts'),
    import('./installation/principal-directory.ts'),
  ])
  return createExternalPasswords({
    metadata,
    directories: directories.map((directory) => {
      const load = lazily(async () => openLdap(directory, warn))
      const check: LdapProvider['check'] = async (name, password) =>
        (await load()).check(name, password)
      const { name, adminGroups } = directory
      return { name, decidesAdmin: adminGroups !== undefined, provider: { check } }
    }),
    recordOf: async (row) => recordOf(metadata, row),
    warn,
  })
}

async function openLdap(
  directory: LdapSettings,
  warn?: (message: string) => void,
): Promise<LdapProvider> {
  const { createLdapProvider } = await import('./sign-on/ldap.ts')
  return createLdapProvider(directory, warn === undefined ? {} : { warn })
}

async function openOutbound(
  { outboundAllow: allow, outboundAuthoritiesFile: file }: SignInSettings,
  more?: string,
): Promise<Outbound> {
  const { createOutbound } = await import('./outbound/outbound.ts')
  const own = file === undefined ? undefined : await readFile(file, 'utf8')
  const certificateAuthorities = [own, more].filter((pem) => pem !== undefined).join('\n')
  return createOutbound({ allow, ...(certificateAuthorities !== '' && { certificateAuthorities }) })
}

/** All that is wrong with the files and lists that signing in needs; nobody is asked anything. */
export async function signInProblems(settings: SignInSettings): Promise<readonly string[]> {
  const { outboundAllow, outboundAuthoritiesFile: file, singleSignOnFile } = settings
  const problems = await problemsOf(async () => providersOf(settings))
  if (singleSignOnFile !== undefined && problems.length > 0) {
    problems.unshift(`${singleSignOnFile} (CARREL_SINGLE_SIGN_ON) cannot be used:`)
  }
  if (outboundAllow.length === 0 && file === undefined) return problems
  const { parseAllowList } = await import('./outbound/allow-list.ts')
  for (const entry of outboundAllow) {
    problems.push(...(await problemsOf(async () => parseAllowList([entry]))))
  }
  if (file === undefined) return problems
  const { trustWith } = await import('./outbound/authorities.ts')
  problems.push(...(await problemsOf(async () => trustWith(await readFile(file, 'utf8')))))
  return problems
}

async function problemsOf(work: () => Promise<unknown>): Promise<string[]> {
  try {
    await work()
    return []
  } catch (error) {
    return error instanceof Error ? error.message.split('\n') : [String(error)]
  }
}

/** @throws {InstallationError} invalid, with all that is wrong: a start must not get any further */
export async function requireSignIn(settings: SignInSettings): Promise<void> {
  const [what, ...more] = await signInProblems(settings)
  if (what === undefined) return
  throw new InstallationError('invalid', what, {
    ...(more.length > 0 && { why: more.join('\n') }),
    fix: 'carrel config check',
  })
}

/** Whether each provider can be asked, and takes this installation for its client. */
export async function* checkSignIn(
  settings: SignInSettings,
  origin: string,
): AsyncGenerator<Check> {
  const { singleSignOnFile: file } = settings
  const problems = await signInProblems(settings)
  if (problems.length > 0) {
    yield problem('single sign-on', problems.join(' '), 'carrel config check')
  }
  if (file === undefined || problems.length > 0) return
  const fix = `carrel config check, then edit ${shellWord(file)}`
  for (const provider of await providersOf(settings)) {
    const name = `sign-in ${provider.name}`
    try {
      await ask(provider, settings, origin)
      yield ok(name, `${provider.title} answers`)
    } catch (error) {
      yield problem(name, error instanceof Error ? error.message : String(error), fix)
    }
  }
}

async function ask(provider: Provider, settings: SignInSettings, origin: string): Promise<void> {
  if (isOidc(provider)) {
    const redirectUri = `${origin}/login/oidc/${provider.name}/callback`
    await (await openOidc(provider, settings)).begin({ redirectUri })
    return
  }
  // Nobody's: the question alone shows whether the account may search.
  await (await openLdap(provider)).refresh('00000000-0000-4000-8000-000000000000')
}

function isOidc(provider: Provider): provider is OidcSettings {
  return provider.kind === 'oidc'
}

function isLdap(provider: Provider): provider is LdapSettings {
  return provider.kind === 'ldap'
}

/** Made when it is first needed. A failure is not kept: the next one tries again. */
export function lazily<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return async () => {
    made ??= make()
    try {
      return await made
    } catch (error) {
      made = undefined
      throw error
    }
  }
}
