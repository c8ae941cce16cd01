// What is taken away stops within seconds, on every worker and on every node, for passwords, tokens, secrets of robots
// and registry tokens alike (reliability.md T39).
import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { test, type TestContext } from 'node:test'
import {
  addUser,
  apiOf,
  basic,
  passwordOf,
  registryToken,
  type ApiClient,
} from './support/access-api.ts'
import { mountBlob, pushImage, type PushedImage } from './support/access-images.ts'
import { watchCredentials, type Credential, type Noticed } from './support/access-watch.ts'
import { createWire } from './support/access-wire.ts'
import { runOk } from './support/processes.ts'
import { startPostgres, startRegistry, type StartedRegistry } from './support/start-registry.ts'

const carrel = fileURLToPath(new URL('../carrel', import.meta.url))
const path = '/v2/web/app/manifests/v1'
const pull = 'repository:web/app:pull'
/** What is asked of us; what is measured is a tenth of it. */
const longestSeconds = 60

test('SQLite: what is taken away stops on both workers', { timeout: 120_000 }, async (t) => {
  await using registry = await startRegistry({ args: ['--workers', '2'], postgres: false })
  await takeAllAway(t, { nodes: [registry] })
})

test('PostgreSQL: what is taken away stops on both nodes', { timeout: 150_000 }, async (t) => {
  await using postgres = await startPostgres()
  const url = await postgres.createDatabase('nodes')
  const args = ['--workers', '2']
  await using first = await startRegistry({ args, postgres: { url } })
  // Another process beside the same database and the same files, as a second node has them.
  await using second = await startRegistry({ args, postgres: { url }, data: first.dataDir })
  await takeAllAway(t, { nodes: [first, second], metadataUrl: url })
})

interface World {
  readonly nodes: readonly [StartedRegistry, ...StartedRegistry[]]
  /** Where commands find the database, when it is not in the data folder. */
  readonly metadataUrl?: string
}

interface Taking {
  readonly credentials: readonly Credential[]
  readonly take: () => Promise<unknown>
}

/** All of it at once: that nothing waits for something else is a part of what is proved. */
async function takeAllAway(t: TestContext, world: World): Promise<void> {
  const { nodes } = world
  const [registry] = nodes
  const api = apiOf(registry, registry.authorization)
  using wire = createWire(registry.port)
  await api.call('namespaces.create', { name: 'web' })
  const image = await pushImage(wire, registry.authorization, { repository: 'web/app' })
  await pushImage(wire, registry.authorization, { repository: 'web/old' })

  const takings = await prepare(world, api)
  using watch = watchCredentials(
    takings.flatMap(({ credentials }) => credentials),
    {
      ports: nodes.map(({ port }) => port),
      connectionsPerPort: nodes.length === 1 ? 5 : 3,
      everyMs: 250,
      confirmMs: 3000,
      longestMs: longestSeconds * 1000,
    },
  )
  await watch.requireAllAllowed()
  const mounting = mountFor(registry)
  assert.equal(await mounting(image), true, 'a mount from a repository that can be pulled')

  const results = await watch.untilRefused(async () => {
    await Promise.all(takings.map(async ({ take }) => take()))
  })
  for (const result of results) t.diagnostic(lineOf(result))
  const late = results.filter(({ seconds }) => seconds === undefined || seconds > longestSeconds)
  assert.deepEqual(late.map(lineOf), [])
  assert.equal(await mounting(image), false, 'a mount from where the grant was removed')
}

function lineOf({ label, seconds, statuses }: Noticed): string {
  const when =
    seconds === undefined ? 'still allowed' : `last allowed after ${seconds.toFixed(1)} s`
  return `${label}: ${when} (then ${statuses.join(', ')})`
}

async function prepare(world: World, api: ApiClient): Promise<readonly Taking[]> {
  const [registry] = world.nodes
  return Promise.all([
    passwordChanged(registry, api),
    tokenRevoked(registry, api),
    robotRemoved(registry, api),
    grantRemoved(registry, api),
    teamLeft(world, api),
    userDisabled(registry, api),
    repositoryMadeAgain(registry, api),
  ])
}

/** A registry token outlives the password it was asked for with, for its 15 minutes: it says who, not how. */
async function passwordChanged(registry: StartedRegistry, api: ApiClient): Promise<Taking> {
  const password = await reader(api, 'pwd')
  const name = 'pwd'
  return {
    credentials: [{ label: 'password changed', authorization: basic(name, password), path }],
    take: async () => api.call('users.password', { name, password: 'black tea for pwd' }),
  }
}

async function tokenRevoked(registry: StartedRegistry, api: ApiClient): Promise<Taking> {
  await reader(api, 'tok')
  const token = await api.call('tokens.create', { for: 'user:tok', name: 'for a test' })
  return {
    credentials: [
      ...(await bothWays(registry, 'token revoked', ['tok', token.secret])),
      { label: 'token revoked, Bearer', authorization: `Bearer ${token.secret}`, path },
    ],
    take: async () => api.call('tokens.revoke', { id: token.id }),
  }
}

async function robotRemoved(registry: StartedRegistry, api: ApiClient): Promise<Taking> {
  const name = 'rob'
  const robot = await api.call('robots.create', { name, scopes: ['web/app:pull'] })
  return {
    credentials: await bothWays(registry, 'robot removed', [name, robot.secret]),
    take: async () => api.call('robots.remove', { name }),
  }
}

async function grantRemoved(registry: StartedRegistry, api: ApiClient): Promise<Taking> {
  const password = await addUser(api, 'grantee')
  const grant = await api.call('grants.create', {
    who: 'user:grantee',
    where: 'web/app',
    actions: 'reader',
  })
  return {
    credentials: await bothWays(registry, 'grant removed', ['grantee', password]),
    take: async () => api.call('grants.remove', { id: grant.id }),
  }
}

/** By a command in a process of its own: no worker hears of it. */
async function teamLeft({ nodes, metadataUrl }: World, api: ApiClient): Promise<Taking> {
  const [registry] = nodes
  const password = await addUser(api, 'member')
  await api.call('teams.create', { name: 'readers' })
  await api.call('teams.addMember', { name: 'readers', member: 'member' })
  await api.call('grants.create', { who: 'team:readers', where: 'web/', actions: 'reader' })
  return {
    credentials: await bothWays(registry, 'left the team', ['member', password]),
    take: async () => {
      const args = ['team', 'remove', 'readers', 'member', '--data', registry.dataDir]
      const env = { ...process.env, CARREL_METADATA_URL: metadataUrl }
      return runOk(carrel, args, { env })
    },
  }
}

async function userDisabled(registry: StartedRegistry, api: ApiClient): Promise<Taking> {
  const password = await reader(api, 'gone')
  const { secret } = await api.call('tokens.create', { for: 'user:gone', name: 'for a test' })
  return {
    credentials: [
      ...(await bothWays(registry, 'user disabled', ['gone', password])),
      ...(await bothWays(registry, 'user disabled, token', ['gone', secret])),
    ],
    take: async () => api.call('users.change', { name: 'gone', disabled: true }),
  }
}

/** A grant is for the repository that it was given for, and not for another one of its name. */
async function repositoryMadeAgain(registry: StartedRegistry, api: ApiClient): Promise<Taking> {
  const password = await addUser(api, 'keeper')
  await api.call('grants.create', { who: 'user:keeper', where: 'web/old', actions: 'reader' })
  const here = '/v2/web/old/manifests/v1'
  const scope = 'repository:web/old:pull'
  const label = 'repository made again'
  return {
    credentials: await bothWays(registry, label, ['keeper', password], { path: here, scope }),
    take: async () => {
      using wire = createWire(registry.port)
      await api.call('repositories.remove', { name: 'web/old' })
      await pushImage(wire, registry.authorization, { repository: 'web/old' })
    },
  }
}

/** Into a namespace of one's own; says whether it needed no upload. */
function mountFor(registry: StartedRegistry) {
  const authorization = basic('grantee', passwordOf('grantee'))
  return async ({ layer, repository }: PushedImage): Promise<boolean> => {
    using wire = createWire(registry.port, { from: '127.0.2.200' })
    return await mountBlob(wire, authorization, { layer, from: repository, to: 'grantee/to' })
  }
}

async function reader(api: ApiClient, name: string): Promise<string> {
  const password = await addUser(api, name)
  await api.call('grants.create', { who: `user:${name}`, where: 'web/app', actions: 'reader' })
  return password
}

/** With each request as Basic, and as a registry token that was asked for before. */
async function bothWays(
  registry: StartedRegistry,
  label: string,
  credentials: readonly [user: string, password: string],
  asked: { readonly path: string; readonly scope: string } = { path, scope: pull },
): Promise<readonly Credential[]> {
  const bearer = await registryToken(registry.port, credentials, asked.scope)
  return [
    { label: `${label}, Basic`, authorization: basic(...credentials), path: asked.path },
    { label: `${label}, registry token`, authorization: bearer, path: asked.path },
  ]
}
