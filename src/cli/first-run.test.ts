import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'

import { firstRunScreen, laterStartScreen } from './first-run.ts'
import { factsOf } from './test-support.ts'

const now = new Date('2026-11-23T12:00:00Z')
const style = { color: false, width: 80, program: './carrel', home: '/home/ann', now }

test('the first screen of a private server, word for word', () => {
  assert.equal(
    firstRunScreen(factsOf({}), style),
    `
  carrel 0.1.0  ·  data ~/carrel/data  ·  sqlite + local disk  ·  ready in 0.4 s

  Open        http://localhost:5443/setup#k=7Q4K-M2XW-9DTR-ABCD-EFGH
              one use, 60 min; a new link: ./carrel admin link
  Sign in     admin  /  tall-otter-427-cinnamon-maple-drum
              shown once; stored nowhere in clear

  Push from this machine
    docker login localhost:5443 -u admin
    docker pull alpine:3.22
    docker tag  alpine:3.22 localhost:5443/demo/alpine:3.22
    docker push localhost:5443/demo/alpine:3.22

  Push from another machine
    It answers this machine only. To let others in:
    ./carrel up --listen 0.0.0.0:5443

  CA SHA-256  3F:9A:3F:9A:3F:9A:3F:9A:3F:9A:3F:9A:3F:9A:3F:9A
              3F:9A:3F:9A:3F:9A:3F:9A:3F:9A:3F:9A:3F:9A:3F:9A
              trust it here: curl -fsS http://localhost:5443/ca.sh | sudo sh

  Something not working?  ./carrel doctor        Stop: Ctrl-C

`,
  )
})

test('a server that others reach shows how they trust it and sign in', () => {
  const facts = factsOf({ networkRegistries: ['192.168.1.10:5443', '10.1.2.3:5443'] })
  const screen = firstRunScreen(facts, style)
  assert.match(screen, /curl -fsS http:\/\/192\.168\.1\.10:5443\/ca\.sh \| sudo sh\n/)
  assert.match(screen, /docker login 192\.168\.1\.10:5443 -u admin\n {4}also at 10\.1\.2\.3:5443/)
  assert.doesNotMatch(screen, /--listen/)
  const { authorityFingerprint: _none, ...own } = facts
  assert.doesNotMatch(firstRunScreen(own, style), /ca\.sh|CA SHA/)
})

test('an open server is loud about it and asks nobody to sign in', () => {
  const { setup: _setup, generated: _generated, ...facts } = factsOf({ open: 'local' })
  const screen = firstRunScreen(facts, style)
  assert.match(screen, /│ {2}OPEN MODE: there is no login/)
  assert.doesNotMatch(screen, /docker login|Sign in/)
  assert.match(laterStartScreen(facts, style), /OPEN MODE/)
})

test('without a generated password there is no line for one', () => {
  const { generated: _generated, ...facts } = factsOf({})
  assert.doesNotMatch(firstRunScreen(facts, style), /Sign in|shown once/)
})

test('a later start is short, and shows a link only while one is needed', () => {
  const { setup: _setup, generated: _generated, ...facts } = factsOf({})
  const screen = laterStartScreen(facts, style)
  assert.match(screen, /Open {8}http:\/\/localhost:5443\n/)
  assert.match(screen, /12 repositories, 1 tag\n/)
  assert.ok(screen.split('\n').length < 12)
  assert.match(laterStartScreen(factsOf({}), style), /setup#k=/)
})

test('no line is wider than 80 columns, in colour neither, and colour changes no text', () => {
  const warnings = [
    'The data folder is not on a mount: when the container goes, all goes. '.repeat(3),
  ]
  for (const facts of [
    factsOf({ warnings, dataDir: '/var/lib/a/rather/deep/folder/for/the/data/of/carrel' }),
    factsOf({ warnings, open: 'local' }),
    factsOf({ networkRegistries: ['192.168.100.100:5443'] }),
  ]) {
    for (const render of [firstRunScreen, laterStartScreen]) {
      const plain = render(facts, style)
      assert.equal(stripVTControlCharacters(render(facts, { ...style, color: true })), plain)
      for (const line of plain.split('\n')) assert.ok(line.length <= 80, line)
    }
  }
})

test('what comes from outside cannot move the cursor', () => {
  const facts = factsOf({ dataDir: '/x\u001b[2J', warnings: ['a\u0007b\nc'] })
  const screen = firstRunScreen(facts, style)
  assert.ok(!screen.includes('\u001b') && !screen.includes('\u0007'))
})
