// A registry with everybody who can sign in to it: people with passwords and tokens, robots, people of a directory, and
// jobs of a CI system that a trust rule knows.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  forge,
  makeKey,
  startTestIssuer,
  type TestIssuer,
} from '../../src/sign-on/test-support/id-token-issuer.ts'
import { base, groups, people, startSlapd } from '../../src/sign-on/test-support/slapd.ts'
import { apiOf, type ApiClient } from './access-api.ts'
import { startRegistry, type StartedRegistry } from './start-registry.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface AccessWorld extends AsyncDisposable {
  readonly registry: StartedRegistry
  /** As administrator. */
  readonly api: ApiClient
  readonly issuer: TestIssuer
  readonly makeJobToken: MakeJobToken
}

export interface JobTokenOptions {
  /** In seconds from now, for the one who verifies: a minute of leeway is already over. */
  readonly goodFor?: number
  /** In place of, or besides, what the rule wants. */
  readonly claims?: Readonly<Record<string, unknown>>
}

/** Each is another one. */
export type MakeJobToken = (options?: JobTokenOptions) => string

/** Of clocks that differ (src/sign-on/id-token.ts): the registry takes a token for so long after its end. */
const leewaySeconds = 60
export const audience = 'https://registry.example.test'
export const jobClaims = {
  sub: 'repo:acme/shop:ref:refs/heads/main',
  repository: 'acme/shop',
  repository_owner_id: '4711',
  ref: 'refs/heads/main',
  sha: 'b5d6f7a8',
  run_id: '812',
  actor: 'ann',
}

/** `web/` is there, and its team `web` may push; the directory's developers are in it. */
export async function startAccessWorld(options: {
  readonly directory: boolean
}): Promise<AccessWorld> {
  await using stack = new AsyncDisposableStack()
  const key = await makeKey('ES256', 'one')
  const issuer = stack.use(await startTestIssuer(key))
  const folder = stack.use(await temporaryFolder('access'))
  const providers = options.directory ? await writeProviders(stack, folder.path) : undefined
  const registry = stack.use(
    await startRegistry({
      postgres: false,
      args: ['--workers', '2'],
      env: {
        // Every request is in the log.
        CARREL_LOG_LEVEL: 'debug',
        CARREL_OUTBOUND_ALLOW: issuer.server.host,
        CARREL_SINGLE_SIGN_ON: providers,
      },
    }),
  )
  const api = apiOf(registry, registry.authorization)
  await furnish(api, issuer, options.directory)
  const disposables = stack.move()
  return {
    registry,
    api,
    issuer,
    makeJobToken: jobTokens(issuer, key),
    [Symbol.asyncDispose]: async () => disposables.disposeAsync(),
  }
}

async function furnish(api: ApiClient, issuer: TestIssuer, directory: boolean): Promise<void> {
  await api.call('namespaces.create', { name: 'web' })
  await api.call('teams.create', {
    name: 'web',
    ...(directory && { groups: [{ provider: 'ldap:corp', group: 'developers' }] }),
  })
  await api.call('grants.create', { who: 'team:web', where: 'web/', actions: 'writer' })
  const { repository, repository_owner_id: owner, ref } = jobClaims
  await api.call('federation-rules.create', {
    name: 'shop',
    kind: 'github',
    issuer: issuer.issuer,
    audience,
    claims: { repository, repository_owner_id: owner, ref },
    scopes: ['web/:writer'],
  })
}

async function writeProviders(stack: AsyncDisposableStack, folder: string): Promise<string> {
  const slapd = await startSlapd()
  stack.defer(async () => slapd.close())
  const authority = join(folder, 'directory-ca.pem')
  await writeFile(authority, slapd.certificateAuthorities)
  const file = join(folder, 'single-sign-on.yaml')
  await writeFile(
    file,
    `providers:
  - kind: ldap
    name: corp
    title: Example Corp
    url: ${slapd.ldapsUrl}
    certificateAuthorityFile: ${authority}
    bindDn: cn=reader,${base}
    bindPassword: ${slapd.readerPassword}
    userBase: ${people}
    groupBase: ${groups}
`,
    { mode: 0o600 },
  )
  return file
}

function jobTokens({ issuer }: TestIssuer, key: Awaited<ReturnType<typeof makeKey>>): MakeJobToken {
  let count = 0
  return ({ goodFor = 300, claims } = {}) => {
    count += 1
    const exp = Math.floor(Date.now() / 1000) + goodFor - leewaySeconds
    const times = { iat: exp - 600, nbf: exp - 600, exp }
    return forge(key, {
      iss: issuer,
      aud: audience,
      jti: `job-${count}`,
      ...times,
      ...jobClaims,
      ...claims,
    })
  }
}
