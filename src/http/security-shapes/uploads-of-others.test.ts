// The id of an upload is none to anybody but the one who began it, in the repository in which it was begun. See
// CVE-2026-32589 (Quay).
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { digestOf } from '../../oci/digest.ts'
import { removeRepository } from '../../registry/delete.ts'
import { aToken, anAccount } from '../test-support/accounts.ts'
import { anApp, ask, basic, type Answer, type TestApp } from '../test-support/app.ts'
import { makeRepository, repositoryOf } from '../test-support/content.ts'
import { roleRights } from '../test-support/matrix-model.ts'

const content = 'the first half, the second half'
const digest = digestOf(Buffer.from(content))

async function begun(app: TestApp, as: string, repository = 'web/app'): Promise<string> {
  const started = await ask(app, `POST /v2/${repository}/blobs/uploads/`, { as })
  const place = started.headers['location'] ?? ''
  const part = await ask(app, `PATCH ${place}`, { as, body: 'the first half, ' })
  assert.equal(part.status, 202, part.text)
  return part.headers['location'] ?? ''
}

/** All that can be done to an upload; what ends it comes last. */
async function tried(app: TestApp, place: string, as: string | undefined) {
  const who = as === undefined ? {} : { as }
  const withoutOffset = place.replace(/\.\d+$/, '')
  const answers: Answer[] = []
  for (const at of [place, withoutOffset]) {
    answers.push(await ask(app, `GET ${at}`, who))
    answers.push(await ask(app, `PATCH ${at}`, { ...who, body: 'x' }))
    answers.push(await ask(app, `PUT ${at}?digest=${digest}`, { ...who, body: 'the second half' }))
    answers.push(await ask(app, `DELETE ${at}`, who))
  }
  return answers.map(({ status, text }) => `${status} ${text}`)
}

async function aWriterEach(t: Parameters<typeof anApp>[0]) {
  const app = await anApp(t)
  for (const name of ['web/app', 'web/other']) await makeRepository(app, name)
  const given = [{ place: 'web/', rights: roleRights.writer }]
  const ann = await anAccount(app, 'ann', { given })
  const eve = await anAccount(app, 'eve', { given: [{ place: '*', rights: roleRights.owner }] })
  const robot = await anAccount(app, 'ci', { kind: 'robot', given, createdBy: ann.id })
  return { app, ann, eve, robot }
}

suite('an upload', () => {
  test('is unknown to everybody else, administrators and robots of its owner too', async (t) => {
    const { app, ann, eve, robot } = await aWriterEach(t)
    const place = await begun(app, ann.as)
    const nonsense = place.replace(/[A-Za-z0-9_-]{48}/, 'A'.repeat(48))
    const { token } = (await ask(app, 'GET /token?scope=repository:web/app:pull,push', {
      as: eve.as,
    }).then((answer) => answer.json())) as { token: string }
    for (const as of [eve.as, robot.as, 'admin', `Bearer ${token}`]) {
      const answers = await tried(app, place, as)
      assert.deepEqual(answers, await tried(app, nonsense, as))
      assert.ok(answers.every((answer) => answer.startsWith('404 ')))
    }
    assert.ok((await tried(app, place, undefined)).every((answer) => answer.startsWith('401 ')))
    const answer = await ask(app, `PUT ${place}?digest=${digest}`, {
      as: ann.as,
      body: 'the second half',
    })
    assert.equal(answer.status, 201, answer.text)
  })

  test('is unknown in every other repository', async (t) => {
    const { app, ann } = await aWriterEach(t)
    const place = await begun(app, ann.as)
    for (const other of ['web/other', 'web/none', 'web/app/more']) {
      const elsewhere = place.replace('/web/app/', `/${other}/`)
      const answers = await tried(app, elsewhere, ann.as)
      assert.ok(
        answers.every((answer) => answer.startsWith('404 ')),
        other,
      )
    }
    assert.equal((await ask(app, `GET ${place}`, { as: ann.as })).status, 204)
  })

  test('goes on with another credential of the same account', async (t) => {
    const { app, ann } = await aWriterEach(t)
    const place = await begun(app, ann.as)
    const other = await aToken(app, ann, ['web/app:push'])
    for (const as of [basic('ann', other), `Bearer ${other}`]) {
      assert.equal((await ask(app, `GET ${place}`, { as })).status, 204)
    }
    const narrow = await aToken(app, ann, ['web/other:push'])
    assert.equal((await ask(app, `GET ${place}`, { as: `Bearer ${narrow}` })).status, 403)
  })

  test('ends with its repository, also when there is one of that name again', async (t) => {
    const { app, ann } = await aWriterEach(t)
    const place = await begun(app, ann.as)
    const before = await repositoryOf(app, 'web/app')
    await removeRepository(app.metadata, before?.id ?? 0)
    await makeRepository(app, 'web/app')
    const answers = await tried(app, place, ann.as)
    assert.ok(
      answers.every((answer) => answer.startsWith('404 ')),
      answers.join('\n'),
    )
  })
})
