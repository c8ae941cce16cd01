// Lists show what the caller may see and nothing of the rest: not by their items, not by their order, their pages or
// their cursors. See CVE-2020-29662 (Harbor) and zot's pull requests 1864 and 1895.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { digestOf } from '../../oci/digest.ts'
import { anAccount } from '../test-support/accounts.ts'
import { anApp, ask, type Answer, type TestApp } from '../test-support/app.ts'
import { makeRepository, putContent, putImage, putManifest } from '../test-support/content.ts'
import type { Given } from '../test-support/matrix-model.ts'

/** In between the hidden ones, before all of them, and after all. */
const shown = ['aa/app', 'mm/app', 'zz/app']
const hidden = ['ab/secret', 'ma/secret', 'mn/secret', 'zy/secret', 'zzz/secret', 'ab', 'secret']

async function aCatalog(t: Parameters<typeof anApp>[0]) {
  const app = await anApp(t)
  for (const name of hidden) await makeRepository(app, name)
  for (const name of shown) await makeRepository(app, name)
  for (const name of ['aa/app', 'ma/secret']) await putImage(app, name, 'v1')
  const given = shown.map((place): Given => ({ place, rights: ['pull'] }))
  return { app, ann: await anAccount(app, 'ann', { given }), bob: await anAccount(app, 'bob2') }
}

/** The answer, and what its cursors say. */
function toldBy({ text, headers }: Answer): string {
  const next = /"next":"([\w-]+)"/.exec(text)?.[1] ?? ''
  return `${text} ${headers['link'] ?? ''} ${Buffer.from(next, 'base64url').toString('latin1')}`
}

function tellsOfHidden(told: string): boolean {
  return /secret|"ab"/.test(told)
}

async function walk(app: TestApp, as: string, size: number): Promise<readonly string[]> {
  const names: string[] = []
  for (let line = `GET /v2/_catalog?n=${size}`, pages = 0; pages < 20; pages += 1) {
    const answer = await ask(app, line, { as })
    assert.ok(!tellsOfHidden(toldBy(answer)), toldBy(answer))
    names.push(...(answer.json() as { repositories: string[] }).repositories)
    const link = /<([^>]+)>/.exec(answer.headers['link'] ?? '')?.[1]
    if (link === undefined) return names
    line = `GET ${link}`
  }
  throw new Error('the list does not end')
}

suite('the list of repositories', () => {
  test('is the same in pages of every size, and tells of nothing else', async (t) => {
    const { app, ann, bob } = await aCatalog(t)
    for (const size of [1, 2, 3, 4, 100]) {
      assert.deepEqual(await walk(app, ann.as, size), shown)
      assert.deepEqual(await walk(app, bob.as, size), [])
    }
    for (const last of ['', 'ab', 'ab/secret', 'ma', 'mn/secret', 'zz/app', 'zzzz', '%00', '%']) {
      const query = `n=1&last=${encodeURIComponent(last)}`
      const answer = await ask(app, `GET /v2/_catalog?${query}`, { as: ann.as })
      assert.ok(!tellsOfHidden(toldBy(answer)), `${last}: ${toldBy(answer)}`)
    }
  })

  test('of the management API does the same', async (t) => {
    const { app, ann, bob } = await aCatalog(t)
    for (const { as, names } of [
      { as: ann.as, names: shown },
      { as: bob.as, names: [] },
    ]) {
      const found: string[] = []
      for (
        let next: string | undefined = '', pages = 0;
        next !== undefined && pages < 20;
        pages += 1
      ) {
        const after: string = next === '' ? '' : `&after=${next}`
        const answer: Answer = await ask(app, `GET /api/v1/repositories?limit=1${after}`, { as })
        assert.ok(!tellsOfHidden(toldBy(answer)), toldBy(answer))
        const page = answer.json() as { items: { name: string }[]; next?: string }
        found.push(...page.items.map(({ name }) => name))
        next = page.next
      }
      assert.deepEqual(found, names)
    }
    for (const namespace of ['ab', 'ma', 'secret', 'none']) {
      const answer = await ask(app, `GET /api/v1/repositories?namespace=${namespace}`, {
        as: ann.as,
      })
      assert.deepEqual(answer.json(), { items: [] })
    }
  })

  test('narrows with the token', async (t) => {
    const { app, ann } = await aCatalog(t)
    const given = hidden.map((place): Given => ({ place, rights: ['pull'] }))
    for (const scopes of [['mm/:pull'], ['*:push'], ['mm/app:reader', 'zzz/:owner']]) {
      const { as } = await anAccount(app, `narrow-${scopes[0]?.length}-${scopes.length}`, {
        given: [...given, { place: 'mm/', rights: ['pull'] }],
        scopes,
      })
      const text = (await ask(app, 'GET /v2/_catalog', { as })).text
      const wanted = scopes[0]?.startsWith('mm') === true ? ['mm/app'] : []
      const more = scopes.length > 1 ? ['zzz/secret'] : []
      assert.deepEqual(JSON.parse(text), { repositories: [...wanted, ...more] })
    }
    assert.deepEqual(await walk(app, ann.as, 2), shown)
  })
})

test('to whoever is not signed in no list shows anything', async (t) => {
  const { app } = await aCatalog(t)
  const image = digestOf(Buffer.from('layer'))
  for (const line of [
    'GET /v2/_catalog',
    'GET /v2/ma/secret/tags/list',
    `GET /v2/ma/secret/referrers/${image}`,
    'GET /v2/ma/none/tags/list',
    `GET /v2/ma/none/referrers/${image}`,
    'GET /api/v1/repositories',
    'GET /api/v1/namespaces',
    'GET /api/v1/users',
    'GET /api/v1/audit',
  ]) {
    const answer = await ask(app, line)
    assert.equal(answer.status, 401, line)
    assert.ok(!tellsOfHidden(answer.text.replaceAll('ma/secret', '')), line)
  }
  for (const path of [
    'metrics',
    'debug/pprof',
    'debug',
    'health',
    'status',
    'v1/_catalog',
    'v2/_ping',
  ]) {
    const { status } = await ask(app, `GET /${path}`)
    assert.ok(status === 401 || status === 404, path)
  }
  const ready = await ask(app, 'GET /readyz')
  assert.ok(!/version|path|database|sqlite/i.test(ready.text), ready.text)
})

test('referrers and tags of a repository are those of that one alone', async (t) => {
  const { app, ann } = await aCatalog(t)
  const subject = await putImage(app, 'aa/app', 'v1')
  await putImage(app, 'ma/secret', 'v1')
  const content = await putContent(app, 'ma/secret')
  const signature = { ...content, subject, artifactType: 'application/vnd.secret' }
  await putManifest(app, 'ma/secret', signature, { reference: 'secret-tag' })
  for (const line of [
    `GET /v2/aa/app/referrers/${subject.digest}`,
    `GET /v2/aa/app/referrers/${subject.digest}?artifactType=application/vnd.secret`,
    'GET /v2/aa/app/tags/list',
    'GET /v2/aa/app/tags/list?last=secret',
    'GET /api/v1/tags?repository=aa/app',
    'GET /v2/aa/app/manifests/none',
  ]) {
    const answer = await ask(app, line, { as: ann.as })
    assert.ok(!tellsOfHidden(toldBy(answer)), `${line}: ${toldBy(answer)}`)
  }
})
