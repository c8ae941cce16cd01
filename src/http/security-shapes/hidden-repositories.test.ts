// A repository that one may not see is answered for exactly as one that there is not, at every address, whatever is done
// to it, and as fast: a name is no secret to be guessed.
import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import { anAccount, aToken } from '../test-support/accounts.ts'
import { anApp, ask, type Answer, type TestApp } from '../test-support/app.ts'
import { compareTimes } from '../test-support/compare-times.ts'
import { makeRepository, putImage } from '../test-support/content.ts'
import { rights, type Given } from '../test-support/matrix-model.ts'
import { matrixRows } from '../test-support/matrix-routes.ts'

const hidden = 'vault/secret'
const none = 'vault/nought'

interface Line {
  readonly line: string
  readonly body?: string
  readonly type?: string
}

const type = 'application/json'

/** Everything that names a repository. */
function linesFor(name: string, image: string): readonly Line[] {
  const routes = Object.entries(matrixRows).flatMap(([route, rows]) =>
    rows
      .filter(({ address }) => address.includes('NAME'))
      .map(({ address, body }) => ({
        line: `${route.split(' ')[1]} ${address.replaceAll('NAME', name).replace('IMAGE', image)}`,
        ...(body !== undefined && { body }),
      })),
  )
  const explained = ['pull', 'push', 'overwrite', 'delete', 'decide', 'admin', 'create'].map(
    (action) => ({
      line: `GET /api/v1/access/explain?who=user:eve&repository=${name}&action=${action}`,
    }),
  )
  const review = { name: 'x', where: name, owner: 'eve', dueAt: '2126-01-01T00:00:00Z' }
  return [
    ...routes,
    ...explained,
    { line: `GET /api/v1/access/explain?who=signed-in&repository=${name}&action=pull` },
    { line: `GET /api/v1/repositories/${name}` },
    { line: `PATCH /api/v1/repositories/${name}`, body: '{"visibility":"public"}', type },
    { line: `DELETE /api/v1/repositories/${name}` },
    { line: 'POST /api/v1/repositories', body: JSON.stringify({ name }), type },
    { line: `GET /api/v1/tags?repository=${name}` },
    { line: `DELETE /api/v1/tags/v1?repository=${name}` },
    { line: `GET /api/v1/grants?where=${name}` },
    {
      line: 'POST /api/v1/grants',
      body: JSON.stringify({ who: 'user:eve', where: name, actions: 'reader' }),
      type,
    },
    {
      line: 'POST /api/v1/robots',
      body: JSON.stringify({ name: 'x', scopes: [`${name}:pull`] }),
      type,
    },
    { line: 'POST /api/v1/access-reviews', body: JSON.stringify(review), type },
    { line: `GET /token?scope=repository:${name}:pull,push,delete` },
  ]
}

function told({ status, headers, text }: Answer, name: string) {
  const last = name.slice(name.lastIndexOf('/'))
  const plain = (value: string) => value.replaceAll(name, 'NAME').replaceAll(last, '/LAST')
  if (text.includes('access_token')) {
    const token = (JSON.parse(text) as { token: string }).token
    const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
    return { status, access: /"access":\[[^\]]*\]/.exec(claims)?.[0] }
  }
  const shown = Object.entries(headers).map(([key, value]) => [key, plain(value)])
  return { status, headers: Object.fromEntries(shown) as unknown, text: plain(text) }
}

async function aVault(t: TestContext) {
  const app = await anApp(t)
  await makeRepository(app, hidden)
  const { digest } = await putImage(app, hidden, 'v1')
  return { app, digest }
}

async function callersOf(app: TestApp): Promise<Readonly<Record<string, string | undefined>>> {
  const own: readonly Given[] = [{ place: 'eve/', rights }]
  const eve = await anAccount(app, 'eve', { given: own })
  const robot = await anAccount(app, 'ci', { kind: 'robot', given: own })
  const narrow = await aToken(app, eve, ['vault/:owner', 'eve/:owner'])
  const answer = await ask(app, `GET /token?scope=repository:${hidden}:pull`, { as: eve.as })
  const late = await anAccount(app, 'late', { given: [{ place: 'vaults/', rights }] })
  return {
    nobody: undefined,
    eve: eve.as,
    robot: robot.as,
    'a token with scopes for it': `Bearer ${narrow}`,
    'a registry token': `Bearer ${(answer.json() as { token: string }).token}`,
    'an owner of a namespace that is called alike': late.as,
  }
}

suite('a repository that one may not see', () => {
  test('is answered for as one that there is not', async (t) => {
    const { app, digest } = await aVault(t)
    const control = linesFor(none, digest)
    let asked = 0
    for (const [who, as] of Object.entries(await callersOf(app))) {
      for (const [index, { line, ...sent }] of linesFor(hidden, digest).entries()) {
        const other = control[index]
        assert.ok(other)
        const credential = as === undefined ? {} : { as }
        const { line: otherLine, ...otherSent } = other
        const answer = told(await ask(app, line, { ...credential, ...sent }), hidden)
        const wanted = told(await ask(app, otherLine, { ...credential, ...otherSent }), none)
        assert.deepEqual(answer, wanted, `${who}: ${line}`)
        asked += 2
      }
    }
    const list = await ask(app, 'GET /v2/_catalog', { as: 'admin' })
    assert.deepEqual(list.json(), { repositories: [hidden] })
    assert.deepEqual(app.faults, [])
    t.diagnostic(`${asked} requests`)
  })

  test('takes as long as one that there is not', async (t) => {
    const { app } = await aVault(t)
    const { as } = await anAccount(app, 'eve', { given: [{ place: 'eve/', rights }] })
    for (const line of [
      'GET /v2/NAME/tags/list',
      'GET /v2/NAME/manifests/v1',
      'POST /v2/NAME/blobs/uploads/',
      'GET /api/v1/repositories/NAME',
    ]) {
      const result = await compareTimes(1000, [
        async () => ask(app, line.replace('NAME', hidden), { as }),
        async () => ask(app, line.replace('NAME', none), { as }),
      ])
      t.diagnostic(`${line}: ${result.told}`)
      assert.ok(result.differenceMs < 1, `${line}: ${result.told}`)
    }
  })
})
