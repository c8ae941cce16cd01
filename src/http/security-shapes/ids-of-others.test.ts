// The id of something is looked for where the address says that it is, and nowhere else; and a refusal leaves everything
// as it was. Who may do what to which id is in api/authorisation-matrix.test.ts. See CVE-2022-31666 to -31671 (Harbor)
// and CVE-2026-109194 (Quay).
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { startSession } from '../../access/sessions.ts'
import { listAudit } from '../../metadata/audit.ts'
import { anAccount, type Account } from '../test-support/accounts.ts'
import { anApp, ask, type Answer, type TestApp } from '../test-support/app.ts'
import { rights } from '../test-support/matrix-model.ts'

const type = 'application/json'

async function call(app: TestApp, line: string, as: string, body?: object): Promise<Answer> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body), type }
  return ask(app, line.replace(' ', ' /api/v1/'), { as, ...sent })
}

interface Tenant extends Account {
  readonly grant: number
  readonly session: number
  readonly review: number
  readonly robot: Account
}

/** With one of everything that has an id. */
async function aTenant(app: TestApp, name: string): Promise<Tenant> {
  const account = await anAccount(app, name, { given: [{ place: `${name}/`, rights }] })
  await anAccount(app, `friend-of-${name}`)
  const given = await call(app, 'POST grants', account.as, {
    who: `user:friend-of-${name}`,
    where: `${name}/`,
    actions: 'reader',
  })
  assert.equal(given.status, 201, given.text)
  const opened = await call(app, 'POST access-reviews', account.as, {
    name: 'all',
    where: `${name}/`,
    owner: name,
    dueAt: new Date(Date.now() + 86_400_000).toISOString(),
  })
  assert.equal(opened.status, 201, opened.text)
  const actor = { id: account.id, name }
  const session = await startSession(app, actor, { userAgent: undefined })
  return {
    ...account,
    grant: (given.json() as { id: number }).id,
    review: (opened.json() as { id: number }).id,
    session: session.id,
    robot: await anAccount(app, `ci-of-${name}`, { kind: 'robot', createdBy: account.id }),
  }
}

async function everythingOf(app: TestApp, { as, review }: Tenant): Promise<string> {
  const lists = ['grants', 'tokens', 'sessions', 'robots', `access-reviews/${review}/items`]
  const answers: Answer[] = []
  for (const list of lists) answers.push(await call(app, `GET ${list}`, as))
  return answers.map(({ text }) => text).join('\n')
}

/** What can be asked about them. */
function asked(
  of: Pick<Tenant, 'grant' | 'session' | 'review' | 'tokenId'>,
  robot: string,
): readonly (readonly [line: string, body?: object])[] {
  return [
    [`GET grants/${of.grant}`],
    [`PATCH grants/${of.grant}`, { actions: 'owner' }],
    [`DELETE grants/${of.grant}`],
    [`GET tokens/${of.tokenId}`],
    [`POST tokens/${of.tokenId}/rotate`, {}],
    [`DELETE tokens/${of.tokenId}`],
    [`DELETE sessions/${of.session}`],
    [`GET robots/${robot}`],
    [`PATCH robots/${robot}`, { disabled: true }],
    [`POST robots/${robot}/rotate`, { graceSeconds: 0 }],
    [`DELETE robots/${robot}`],
    [`GET access-reviews/${of.review}`],
    [`GET access-reviews/${of.review}/items`],
    [`PUT access-reviews/${of.review}/items/${of.grant}`, { decision: 'remove' }],
    [`POST access-reviews/${of.review}/close`, {}],
    [`GET access-reviews/${of.review}/evidence`],
    [`GET tokens?for=robot:${robot}`],
    [`GET sessions?for=robot:${robot}`],
    [`DELETE sessions?for=robot:${robot}`],
    ['POST tokens', { for: `robot:${robot}`, name: 'x' }],
  ]
}

suite('what another tenant has', () => {
  test('is answered for as what is not there, and stays as it was', async (t) => {
    const app = await anApp(t)
    const ann = await aTenant(app, 'ann')
    const eve = await aTenant(app, 'eve')
    const before = await everythingOf(app, ann)
    const audit = (await listAudit(app.metadata, { after: 0, limit: 500 })).length
    const noId = 987_654
    const missing = asked({ grant: noId, session: noId, review: noId, tokenId: noId }, 'none')
    for (const [index, [line, body]] of asked(ann, ann.robot.name).entries()) {
      const [otherLine = '', otherBody] = missing[index] ?? []
      const answer = await call(app, line, eve.as, body)
      const control = await call(app, otherLine, eve.as, otherBody)
      assert.equal(answer.status, 404, line)
      assert.deepEqual([answer.text, answer.headers], [control.text, control.headers], line)
    }
    assert.equal(await everythingOf(app, ann), before)
    assert.equal((await listAudit(app.metadata, { after: 0, limit: 500 })).length, audit)
  })

  test('is not reached through what is one’s own', async (t) => {
    const app = await anApp(t)
    const ann = await aTenant(app, 'ann')
    const eve = await aTenant(app, 'eve')
    const before = await everythingOf(app, ann)
    const decision = { decision: 'remove' }
    // A grant of ann's by a review of eve's.
    const line = `PUT access-reviews/${eve.review}/items/${ann.grant}`
    assert.equal((await call(app, line, eve.as, decision)).status, 404)
    await call(app, `POST access-reviews/${eve.review}/close`, eve.as, {})
    await call(app, 'DELETE sessions', eve.as)
    for (const path of [
      `tokens?for=user:ann`,
      `tokens?all=true`,
      `sessions?for=user:ann`,
      'access-reviews',
      'robots',
      'tokens',
      'sessions',
      'grants',
      'grants?where=ann/',
      'grants?who=user:friend-of-ann',
    ]) {
      const { text } = await call(app, `GET ${path}`, eve.as)
      assert.ok(!text.includes('ci-of-ann'), path)
      assert.ok(!text.includes('"where":"ann/'), path)
    }
    assert.equal(await everythingOf(app, ann), before)
  })
})
