// The scripts run against a small stand-in for the browser: the elements that they look for, an address and fetch.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createContext, runInContext } from 'node:vm'
import { accountScript } from './account-script.ts'
import { deviceScript } from './device-script.ts'
import { signInScript } from './sign-in-script.ts'

class FakeElement {
  value = ''
  textContent = ''
  hidden = false
  disabled = true
  type = ''
  focused = 0
  readonly dataset: Record<string, string> = {}
  readonly attributes = new Map<string, string>()
  readonly listeners = new Map<string, (event: object) => void>()
  readonly classList = { remove: () => undefined }
  get firstElementChild() {
    return this
  }
  select() {}
  focus() {
    this.focused += 1
  }
  setAttribute(name: string, value: string) {
    this.attributes.set(name, value)
  }
  removeAttribute(name: string) {
    this.attributes.delete(name)
  }
  addEventListener(name: string, listener: (event: object) => void) {
    this.listeners.set(name, listener)
  }
}

interface Answer {
  readonly status: number
  readonly body?: unknown
}

interface Sent {
  readonly address: string
  readonly body: unknown
}

function openPage(
  script: string,
  answers: readonly (Answer | 'unreachable')[],
  missing: string[] = [],
) {
  const elements = new Map<string, FakeElement>()
  const element = (id: string): FakeElement => {
    const known = elements.get(id) ?? new FakeElement()
    elements.set(id, known)
    return known
  }
  element('password').type = 'password'
  element('password-form').dataset['to'] = '/device?code=X'
  element('answer').dataset['code'] = 'WDJB-MJHT'
  const sent: Sent[] = []
  const visited: string[] = []
  const left = [...answers]
  const page = createContext({
    document: { getElementById: (id: string) => (missing.includes(id) ? null : element(id)) },
    location: { assign: (address: string) => visited.push(address), pathname: '/device' },
    history: { replaceState: (_: null, __: '', address: string) => visited.push(address) },
    addEventListener: () => undefined,
    fetch: async (address: string, { body }: { body?: string }) => {
      sent.push({ address, body: body === undefined ? undefined : (JSON.parse(body) as unknown) })
      const answer = left.shift() ?? 'unreachable'
      if (answer === 'unreachable') throw new TypeError('Failed to fetch')
      const { status } = answer
      return {
        ok: status < 300,
        status,
        json: async () => answer.body ?? Promise.reject(new Error()),
      }
    },
    AbortSignal: { timeout: () => undefined },
    encodeURIComponent,
    scrollTo: () => undefined,
  })
  runInContext(`'use strict';${script}`, page)
  const happen = async (id: string, event: string) => {
    element(id).listeners.get(event)?.({ preventDefault: () => undefined })
    await new Promise(setImmediate)
  }
  return { element, sent, visited, happen }
}

const wrong = { status: 401, body: { errors: [{ message: 'The password is wrong.' }] } }

suite('the script of the sign-in page', () => {
  const fill = ({ element }: ReturnType<typeof openPage>) => {
    element('user').value = ' ann '
    element('password').value = ' my password '
  }

  test('sends name and password in a body, and goes on to where the server said', async () => {
    const page = openPage(signInScript, [{ status: 200, body: { next: 'done' } }])
    assert.equal(page.element('send').disabled, false)
    fill(page)
    await page.happen('password-form', 'submit')
    const body = { user: 'ann', password: ' my password ' }
    assert.deepEqual(page.sent, [{ address: '/login', body }])
    assert.deepEqual(page.visited, ['/device?code=X'])
    assert.equal(page.element('password').value, '')
  })

  test('asks for what is missing before it asks the server', async () => {
    const page = openPage(signInScript, [])
    await page.happen('password-form', 'submit')
    assert.match(page.element('problem').textContent, /user name/)
    page.element('user').value = 'ann'
    await page.happen('password-form', 'submit')
    assert.match(page.element('problem').textContent, /password/)
    assert.equal(page.element('password').attributes.get('aria-invalid'), 'true')
    assert.deepEqual(page.sent, [])
  })

  test('asks for a code where there is a second factor, and takes another try at it', async () => {
    const page = openPage(signInScript, [
      { status: 200, body: { next: 'code' } },
      { status: 401, body: { next: 'code', message: 'The code is wrong.' } },
      { status: 200, body: { next: 'done' } },
    ])
    fill(page)
    await page.happen('password-form', 'submit')
    assert.deepEqual(
      ['with-password', 'with-code', 'with-provider'].map((id) => page.element(id).hidden),
      [true, false, true],
    )
    assert.equal(page.element('code').focused, 1)
    await page.happen('code-form', 'submit')
    assert.equal(page.sent.length, 1)
    page.element('code').value = '123456'
    await page.happen('code-form', 'submit')
    assert.equal(page.element('code-problem').textContent, 'The code is wrong.')
    assert.equal(page.element('with-code').hidden, false)
    await page.happen('code-form', 'submit')
    assert.deepEqual(page.visited, ['/device?code=X'])
  })

  test('begins again when the code came too late', async () => {
    const page = openPage(signInScript, [
      { status: 200, body: { next: 'code' } },
      { status: 410, body: { next: 'password', message: 'That took too long.' } },
    ])
    fill(page)
    await page.happen('password-form', 'submit')
    page.element('code').value = '123456'
    await page.happen('code-form', 'submit')
    assert.equal(page.element('with-password').hidden, false)
    assert.equal(page.element('problem').textContent, 'That took too long.')
    assert.equal(page.element('password').value, '')
  })

  test('says what the server says, and what it does not', async () => {
    for (const [answer, said] of [
      [wrong, /The password is wrong/],
      [{ status: 502 }, /the status 502/],
      ['unreachable', /did not answer/],
    ] as const) {
      const page = openPage(signInScript, [answer], ['with-provider'])
      fill(page)
      await page.happen('password-form', 'submit')
      assert.match(page.element('problem').textContent, said)
      assert.equal(page.element('problem').hidden, false)
      assert.equal(page.element('send').attributes.get('aria-disabled'), 'false')
      assert.deepEqual(page.visited, [])
    }
  })
})

suite('the script of the page that lets a program in', () => {
  test('looks for the code that was typed', async () => {
    const page = openPage(deviceScript, [], ['answer'])
    await page.happen('find', 'submit')
    assert.deepEqual(page.visited, [])
    page.element('code').value = ' wdjb mjht&x=1 '
    await page.happen('find', 'submit')
    assert.deepEqual(page.visited, ['/device?code=wdjb%20mjht%26x%3D1'])
  })

  test('sends the answer once, and says what came of it', async () => {
    const page = openPage(deviceScript, [{ status: 200 }], ['find'])
    await page.happen('answer', 'submit')
    const body = { code: 'WDJB-MJHT', answer: 'agree' }
    assert.deepEqual(page.sent, [{ address: '/device', body }])
    assert.deepEqual([page.element('confirm').hidden, page.element('done').hidden], [true, false])
    assert.equal(page.element('done-title').focused, 1)
    const refused = openPage(deviceScript, [{ status: 200 }], ['find'])
    await refused.happen('refuse', 'click')
    const [sent] = refused.sent
    assert.ok(sent)
    assert.equal((sent.body as { answer: string }).answer, 'refuse')
    assert.match(refused.element('done-title').textContent, /stays out/)
  })

  test('lets it be tried again after a failure', async () => {
    const page = openPage(deviceScript, ['unreachable', wrong, { status: 200 }], ['find'])
    await page.happen('answer', 'submit')
    assert.match(page.element('problem').textContent, /did not answer/)
    await page.happen('answer', 'submit')
    assert.equal(page.element('problem').textContent, 'The password is wrong.')
    await page.happen('answer', 'submit')
    assert.equal(page.element('confirm').hidden, true)
  })
})

test('the account page signs out, and says so when it could not', async () => {
  const page = openPage(accountScript, [{ status: 200 }])
  await page.happen('sign-out', 'submit')
  assert.deepEqual([page.sent[0]?.address, page.visited], ['/logout', ['/login']])
  const failed = openPage(accountScript, [{ status: 503 }])
  await failed.happen('sign-out', 'submit')
  assert.deepEqual(failed.visited, [])
  assert.match(failed.element('said').textContent, /Signing out failed/)
})
