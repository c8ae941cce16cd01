// Whoever may add tags and not move them moves none, whichever way a tag is set: in the address, behind a digest, among
// others, with a narrowed token, or at the same moment as somebody else. See CVE-2026-31801 (zot) and its pull request
// 4266.
import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import { aToken, anAccount } from '../test-support/accounts.ts'
import { anApp, ask, basic, type Answer, type TestApp } from '../test-support/app.ts'
import { describe, makeRepository, putContent, putManifest } from '../test-support/content.ts'
import { rights, type Given } from '../test-support/matrix-model.ts'

const mediaType = 'application/vnd.oci.image.manifest.v1+json'

interface Tags {
  readonly app: TestApp
  /** Text of a manifest that is not there yet; `n` makes it another one. */
  readonly other: (n: number) => string
  readonly first: { readonly text: string; readonly digest: string }
  readonly tagged: () => Promise<Readonly<Record<string, string>>>
}

/** web/app with `latest` and `v1` on one image. */
async function someTags(t: TestContext): Promise<Tags> {
  const app = await anApp(t)
  await makeRepository(app, 'web/app')
  const content = await putContent(app, 'web/app')
  const text = JSON.stringify(content)
  const { digest } = await putManifest(app, 'web/app', content, { reference: 'latest' })
  await putManifest(app, 'web/app', content, { reference: 'v1' })
  return {
    app,
    other: (n) => JSON.stringify({ ...content, annotations: { n: String(n) } }),
    first: { text, digest },
    async tagged() {
      const found: Record<string, string> = {}
      const list = await ask(app, 'GET /v2/web/app/tags/list', { as: 'admin' })
      for (const tag of (list.json() as { tags: string[] }).tags) {
        const head = await ask(app, `HEAD /v2/web/app/manifests/${tag}`, { as: 'admin' })
        found[tag] = head.headers['docker-content-digest'] ?? ''
      }
      return found
    },
  }
}

async function put(app: TestApp, as: string, reference: string, text: string): Promise<Answer> {
  const line = `PUT /v2/web/app/manifests/${reference}`
  return ask(app, line, { as, body: text, type: mediaType })
}

/** Every way to set a tag that is there to an image that is not. */
function waysOf(digest: string): Readonly<Record<string, string>> {
  return {
    'in the address': 'latest',
    'behind the digest': `${digest}?tag=latest`,
    'after a new one': `${digest}?tag=new&tag=latest`,
    'before a new one': `${digest}?tag=latest&tag=new`,
    twice: `${digest}?tag=latest&tag=latest`,
    'percent-encoded': `${digest}?tag=%6c%61test`,
    'with another parameter': `${digest}?digest=x&tag=latest`,
    'both of them': `${digest}?tag=v1&tag=latest`,
  }
}

async function callersOf(app: TestApp): Promise<Readonly<Record<string, string>>> {
  const given: readonly Given[] = [{ place: 'web/', rights: ['pull', 'push', 'delete'] }]
  const keeper = await anAccount(app, 'keeper', { given })
  const robot = await anAccount(app, 'ci', { kind: 'robot', given })
  const owner = await anAccount(app, 'owner', { given: [{ place: 'web/', rights }] })
  const narrow = await aToken(app, owner, ['web/:pull,push'])
  const elsewhere = await aToken(app, owner, ['web/:pull,push', 'web/other:owner'])
  const registry = async (as: string) => {
    const answer = await ask(app, 'GET /token?scope=repository:web/app:pull,push,delete', { as })
    return `Bearer ${(answer.json() as { token: string }).token}`
  }
  return {
    keeper: keeper.as,
    robot: robot.as,
    'registry token of the keeper': await registry(keeper.as),
    'narrowed token of an owner': `Bearer ${narrow}`,
    'narrowed token as a password': basic('owner', narrow),
    'token that moves tags elsewhere': `Bearer ${elsewhere}`,
    'registry token by a narrowed token': await registry(`Bearer ${narrow}`),
  }
}

suite('whoever may push but not move tags', () => {
  test('moves none, in whatever way it is set, and leaves nothing half done', async (t) => {
    const { app, other, tagged } = await someTags(t)
    const before = await tagged()
    let n = 0
    for (const [who, as] of Object.entries(await callersOf(app))) {
      for (const way of Object.keys(waysOf(''))) {
        n += 1
        const text = other(n)
        const { digest } = describe(mediaType, text)
        const answer = await put(app, as, waysOf(digest)[way] ?? '', text)
        assert.equal(answer.status, 403, `${who}, ${way}: ${answer.text}`)
        assert.match(answer.message(), /is there already/)
        const pushed = await ask(app, `HEAD /v2/web/app/manifests/${digest}`, { as: 'admin' })
        assert.equal(pushed.status, 404, `${who}, ${way}`)
      }
    }
    assert.deepEqual(await tagged(), before)
    t.diagnostic(`${n} tries`)
  })

  test('adds new ones, and says again what is so', async (t) => {
    const { app, other, first, tagged } = await someTags(t)
    let n = 0
    for (const [who, as] of Object.entries(await callersOf(app))) {
      n += 1
      const text = other(n)
      const { digest } = describe(mediaType, text)
      assert.equal((await put(app, as, `new-${n}`, text)).status, 201, who)
      assert.equal((await put(app, as, `${digest}?tag=a-${n}&tag=b-${n}`, text)).status, 201, who)
      assert.equal((await put(app, as, 'latest', first.text)).status, 201, who)
      const tags = await tagged()
      assert.deepEqual(
        [tags[`new-${n}`], tags[`a-${n}`], tags['latest']],
        [digest, digest, first.digest],
      )
    }
  })

  test('wins a tag once, when two set it at the same moment', async (t) => {
    const { app, other, tagged } = await someTags(t)
    const { keeper = '', robot = '' } = await callersOf(app)
    for (let round = 0; round < 20; round += 1) {
      const answers = await Promise.all(
        [keeper, robot].map(async (as, index) =>
          put(app, as, `race-${round}`, other(1000 + round * 2 + index)),
        ),
      )
      const statuses = answers.map(({ status }) => status).toSorted()
      assert.deepEqual(statuses, [201, 403])
      const winner = answers.find(({ status }) => status === 201)
      const tags = await tagged()
      assert.equal(tags[`race-${round}`], winner?.headers['docker-content-digest'])
    }
  })
})

test('whoever may move tags does, in every way', async (t) => {
  const { app, other, tagged } = await someTags(t)
  const { as } = await anAccount(app, 'owner', { given: [{ place: 'web/', rights }] })
  for (const [index, way] of Object.keys(waysOf('')).entries()) {
    const text = other(index)
    const { digest } = describe(mediaType, text)
    const answer = await put(app, as, waysOf(digest)[way] ?? '', text)
    assert.equal(answer.status, 201, `${way}: ${answer.text}`)
    assert.equal((await tagged())['latest'], digest)
  }
})
