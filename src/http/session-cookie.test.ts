import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cookieHeader, endedCookieHeader, readCookie } from './session-cookie.ts'
import { isSameOrigin } from './same-origin.ts'

const secure = {
  headers: {},
  peer: { address: '192.0.2.1', loopback: false, secure: true },
  origin: 'https://images.example.org',
}
const plain = {
  headers: {},
  peer: { address: '127.0.0.1', loopback: true, secure: false },
  origin: 'http://localhost:5443',
}

const withCookie = (request: typeof secure, cookie: string) => ({ ...request, headers: { cookie } })

test('over TLS a cookie is bound to this host, on this machine without TLS it is a plain one', () => {
  const cookie = { value: 'x', lastsMs: 60_999 }
  const rest = 'Path=/; Max-Age=60; HttpOnly; SameSite=Lax'
  assert.equal(cookieHeader(secure, 'session', cookie), `__Host-carrel=x; ${rest}; Secure`)
  assert.equal(cookieHeader(plain, 'session', cookie), `carrel=x; ${rest}`)
  assert.equal(cookieHeader(secure, 'login', cookie), `__Host-carrel-login=x; ${rest}; Secure`)
  assert.match(endedCookieHeader(secure, 'session'), /^__Host-carrel=; Path=\/; Max-Age=0; /)
  // A proxy that ends TLS and was not declared: the address that clients use tells.
  const behind = { ...plain, origin: 'https://images.example.org' }
  assert.match(cookieHeader(behind, 'session', cookie), /^__Host-carrel=/)
})

test('only the cookie that belongs to the connection is read', () => {
  const both = '__Host-carrel=a; carrel=b'
  assert.equal(readCookie(withCookie(secure, both), 'session'), 'a')
  assert.equal(readCookie(withCookie(plain, both), 'session'), 'b')
  assert.equal(readCookie(withCookie(secure, 'carrel=b'), 'session'), undefined)
  assert.equal(readCookie(secure, 'session'), undefined)
})

test('a cookie is found among others, by its whole name', () => {
  for (const [cookie, expected] of [
    ['a=1; __Host-carrel=x; b=2', 'x'],
    ['a=1;__Host-carrel=x', 'x'],
    ['__Host-carrel=x;', 'x'],
    ['__Host-carrel=first; __Host-carrel=second', 'first'],
    ['__Host-carrel=', ''],
    ['__Host-carrel', undefined],
    ['x__Host-carrel=x', undefined],
    ['__Host-carrel-login=x', undefined],
    ['__host-carrel=x', undefined],
    [`__Host-carrel=x; a=${'y'.repeat(9000)}`, undefined],
  ] as const) {
    assert.equal(readCookie(withCookie(secure, cookie), 'session'), expected, cookie.slice(0, 50))
  }
})

test('what the browser says of the page counts, and Origin where it says nothing', () => {
  const { origin } = secure
  for (const [headers, expected] of [
    [{ 'sec-fetch-site': 'same-origin' }, true],
    [{ 'sec-fetch-site': 'cross-site', origin }, false],
    [{ 'sec-fetch-site': '', origin }, false],
    [{ origin }, true],
    [{ origin: 'https://other.example' }, false],
    [{ origin: 'null' }, false],
    [{}, false],
  ] as const) {
    assert.equal(isSameOrigin({ headers, origin }), expected, JSON.stringify(headers))
  }
})
