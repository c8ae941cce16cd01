// The script runs against a small stand-in for the browser: the elements that it looks for, an address and fetch.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createContext, runInContext } from 'node:vm'
import { setupScript } from './setup-script.ts'

class FakeElement {
  value = ''
  textContent = ''
  hidden = false
  disabled = false
  type = ''
  readonly dataset: Record<string, string> = {}
  readonly attributes = new Map<string, string>()
  readonly listeners = new Map<string, (event: object) => void>()
  focused = false
  append() {}
  before() {}
  select() {}
  closest() {
    return this
  }
  get firstElementChild() {
    return this
  }
  focus() {
    this.focused = true
  }
  hasAttribute(name: string) {
    return this.attributes.has(name)
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
  readonly method: string
  readonly body: unknown
}

function openPage(hash: string, answer: Answer | 'unreachable' = { status: 200 }) {
  const elements = new Map<string, FakeElement>()
  const element = (id: string): FakeElement => {
    const known = elements.get(id) ?? new FakeElement()
    elements.set(id, known)
    return known
  }
  element('done').hidden = true
  element('password').type = 'password'
  element('password').dataset['shortest'] = '12'
  const sent: Sent[] = []
  const addresses: string[] = []
  const listeners = new Map<string, () => void>()
  const location = { hash, pathname: '/setup' }
  const fetch = async (address: string, init: { method: string; body: string }) => {
    sent.push({ address, method: init.method, body: JSON.parse(init.body) as unknown })
    if (answer === 'unreachable') throw new TypeError('Failed to fetch')
    const { status, body } = answer
    return { ok: status < 300, status, json: async () => body ?? Promise.reject(new Error()) }
  }
  const page = createContext({
    document: { getElementById: element, title: '' },
    location,
    history: { replaceState: (_: null, __: '', address: string) => addresses.push(address) },
    addEventListener: (name: string, listener: () => void) => listeners.set(name, listener),
    fetch,
    AbortSignal: { timeout: () => undefined },
    URLSearchParams,
    setTimeout: () => 0,
    clearTimeout: () => undefined,
    scrollTo: () => undefined,
  })
  runInContext(`'use strict';${setupScript}`, page)
  return {
    element,
    sent,
    addresses,
    openLink(next: string) {
      location.hash = next
      listeners.get('hashchange')?.()
    },
    async submit(password: string, key?: string) {
      element('password').value = password
      if (key !== undefined) element('key').value = key
      element('form').listeners.get('submit')?.({ preventDefault: () => undefined })
      await new Promise(setImmediate)
    },
    type(password: string) {
      element('password').value = password
      element('password').listeners.get('input')?.({})
      const { level } = element('strength').dataset
      return { level: Number(level), word: element('strength-word').textContent }
    },
  }
}

const key = '7Q4K-M2XW-9D3F-AB12-CD34'
const password = 'tall-otter-42-cinnamon'

test('the key of a link goes with the password into the body of one request, and into no address', async () => {
  const page = openPage(`#k=${key}`)
  assert.equal(page.element('key-field').hidden, true)
  assert.equal(page.element('send').disabled, false)
  await page.submit(password)
  assert.deepEqual(page.sent, [
    { address: '/api/v1/setup', method: 'POST', body: { key, password } },
  ])
  assert.deepEqual(page.addresses, ['/setup'])
})

test('after success nothing secret is left, and what comes next is shown and read out', async () => {
  const page = openPage(`#k=${key}`)
  await page.submit(password)
  assert.equal(page.element('choose').hidden, true)
  assert.equal(page.element('done').hidden, false)
  assert.equal(page.element('done-title').focused, true)
  assert.equal(page.element('key').value + page.element('password').value, '')
})

test('a key may be typed, with blanks around it, or come as a whole link', async () => {
  for (const typed of [key, ` ${key}\n`, `https://images.example.org:5443/setup#k=${key}`]) {
    const page = openPage('')
    assert.equal(page.element('key-field').hidden, false)
    assert.equal(page.element('key').focused, true)
    await page.submit(password, typed)
    assert.deepEqual(page.sent[0]?.body, { key, password })
  }
})

test('a link that is opened in the page of another one counts', async () => {
  const page = openPage('#k=AAAA')
  page.openLink(`#k=${key}`)
  await page.submit(password)
  assert.deepEqual(page.sent[0]?.body, { key, password })
})

test('what is plainly missing is said without asking the server', async () => {
  const cases: readonly (readonly [string, string, RegExp, 'key' | 'password'])[] = [
    ['', password, /setup key/, 'key'],
    [key, '', /Choose a password/, 'password'],
    [key, 'otter', /5 characters; 12 is the least/, 'password'],
    [key, '🦦🦦🦦🦦🦦🦦', /6 characters/, 'password'],
  ]
  for (const [typedKey, typed, message, field] of cases) {
    const page = openPage('')
    await page.submit(typed, typedKey)
    assert.equal(page.sent.length, 0)
    assert.equal(page.element('problem').hidden, false)
    assert.match(page.element('problem').textContent, message)
    assert.equal(page.element(field).attributes.get('aria-invalid'), 'true')
  }
})

test('a refusal is shown in the words of the server, at the field that it is about', async () => {
  const body = { errors: [{ code: 'DENIED', message: 'This setup link was used already.' }] }
  for (const [status, field] of [
    [403, 'key'],
    [400, 'password'],
  ] as const) {
    const page = openPage(`#k=${key}`, { status, body })
    await page.submit(password)
    assert.equal(page.element('problem').textContent, 'This setup link was used already.')
    assert.equal(page.element(field).focused, true)
    assert.equal(page.element('key-field').hidden, status !== 403)
    assert.equal(page.element('done').hidden, true)
    assert.equal(page.element('password').value, password)
    assert.deepEqual(page.addresses, [])
  }
})

test('an answer without a sentence, and no answer, are told as such', async () => {
  const proxy = openPage(`#k=${key}`, { status: 502 })
  await proxy.submit(password)
  assert.match(proxy.element('problem').textContent, /status 502/)
  const gone = openPage(`#k=${key}`, 'unreachable')
  await gone.submit(password)
  assert.match(gone.element('problem').textContent, /did not answer/)
})

test('a problem goes away when the password is changed', async () => {
  const page = openPage(`#k=${key}`)
  await page.submit('otter')
  page.type('otters')
  assert.equal(page.element('problem').hidden, true)
  assert.equal(page.element('password').attributes.has('aria-invalid'), false)
})

test('the password can be shown and hidden again', () => {
  const page = openPage('')
  const press = () => page.element('reveal').listeners.get('click')?.({})
  press()
  assert.equal(page.element('password').type, 'text')
  assert.equal(page.element('reveal').textContent, 'Hide')
  press()
  assert.equal(page.element('password').type, 'password')
  assert.equal(page.element('reveal').textContent, 'Show')
})

test('the strength grows with what cannot be foreseen, not with length alone', () => {
  const page = openPage('')
  assert.deepEqual(page.type(''), { level: 0, word: '' })
  assert.deepEqual(page.type('tall-otter4'), { level: 1, word: '1 character to go.' })
  assert.equal(page.type('aaaaaaaaaaaaaaaaaaaaaaaaa').level, 1)
  assert.equal(page.type('abcdefghijklmnopqrstuvwxyz').level, 1)
  assert.equal(page.type('password1234').level, 1)
  assert.ok(page.type(password).level >= 3)
  assert.equal(page.type('tall-otter-42-cinnamon-ferry').level, 4)
})
