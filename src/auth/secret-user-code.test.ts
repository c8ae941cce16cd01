import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeUserCode, readUserCode } from './secret-user-code.ts'

test('a user code is two times four consonants, and does not come twice', () => {
  const seen = new Set(Array.from({ length: 500 }, makeUserCode))
  assert.equal(seen.size, 500)
  for (const code of seen) {
    assert.match(code, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/)
    assert.equal(readUserCode(code), code)
  }
  const used = new Set([...seen].join('').replaceAll('-', ''))
  assert.equal(used.size, 20)
})

test('a user code is read however it is typed', () => {
  for (const typed of ['wdjb-mjht', 'WDJBMJHT', ' wdjb mjht ', 'w-d-j-b-m-j-h-t']) {
    assert.equal(readUserCode(typed), 'WDJB-MJHT')
  }
})

test('what cannot be a user code is told as such', () => {
  const wrong = ['', 'WDJB', 'WDJB-MJHTX', 'WDJB-MJHA', 'WDJB-MJH1', 'WDJB-MJHI', 'WDJB-MJHO']
  for (const typed of [...wrong, 'WDJB_MJHT', '%_______', ' '.repeat(100_000)]) {
    assert.equal(readUserCode(typed), undefined)
  }
  for (const vowel of 'AEIOUY') assert.equal(readUserCode(`WDJB-MJH${vowel}`), undefined)
})
