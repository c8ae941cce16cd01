// What `up` and `serve` show and log: driven through the command line.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { liveLine } from './live-line.ts'
import type { LiveEvent, ServeEvent } from './serve-events.ts'
import { createWorld, factsOf, runCli } from './test-support.ts'

const image = { repository: 'demo/alpine', reference: '3.22', bytes: 3_600_000, seconds: 2.1 }
const refused = { kind: 'tls-refused', address: '192.168.1.20', client: 'docker 28.2' } as const
const events: readonly ServeEvent[] = [
  { kind: 'ready', facts: factsOf({}) },
  refused,
  refused,
  { kind: 'login', name: 'admin', address: '127.0.0.1' },
  { kind: 'upload', repository: 'demo/alpine', bytes: 12_345 },
  { kind: 'pushed', ...image },
  { kind: 'pushed', ...image },
  { kind: 'draining', requests: 2, seconds: 60 },
]

test('up at a terminal shows the first push live, each event once', async () => {
  const world = createWorld()
  world.events = events
  const said = await runCli(['up'], world.composition, { terminal: true, env: { NO_COLOR: '1' } })
  assert.equal(said.code, 0)
  assert.equal(said.stderr, '')
  assert.equal(said.stdout.match(/not trusting our certificate/g)?.length, 1)
  assert.match(said.stdout, /Waiting for the first push …\r\u001b\[K {2}● 192/)
  assert.match(said.stdout, /● demo\/alpine: 12 kB so far/)
  assert.match(said.stdout, /✓ first image pushed in 2\.1 s: demo\/alpine:3\.22, 3\.6 MB\n/)
  assert.match(said.stdout, /docker pull localhost:5443\/demo\/alpine:3\.22\n/)
  assert.match(said.stdout, /✓ demo\/alpine:3\.22 pushed in 2\.1 s, 3\.6 MB\n/)
  assert.match(said.stdout, /Stopping: 2 requests under way may take up to 60 s to finish\.\n$/)
  assert.equal(world.served[0]?.options.logs, 'screen')
  assert.equal(world.served[0]?.options.terminal, true)
})

test('where lines cannot be replaced, none is', async () => {
  for (const env of [{ TERM: 'dumb' }, { CI: 'true', NO_COLOR: '1' }]) {
    const world = createWorld()
    world.events = events
    const { stdout } = await runCli(['up'], world.composition, { terminal: true, env })
    assert.ok(!stdout.includes('\r') && !stdout.includes('\u001b'))
    assert.doesNotMatch(stdout, /Waiting|so far/)
  }
})

test('without a terminal the log is JSON with the link, and never the password', async () => {
  const world = createWorld()
  world.events = [...events, { kind: 'warning', message: 'look out' }]
  const said = await runCli(['up', '--listen', '127.0.0.1:5000'], world.composition)
  assert.equal(said.stderr, '')
  const lines = said.stdout.trimEnd().split('\n')
  const logged = lines.map((line) => JSON.parse(line) as { level: number; msg: string })
  assert.equal(logged[0]?.msg, 'ready')
  assert.match(lines[0] ?? '', /"setupUrl":"http:\/\/localhost:5443\/setup#k=7Q4K/)
  assert.ok(logged.some(({ level, msg }) => level === 40 && msg === 'look out'))
  assert.ok(!said.stdout.includes('tall-otter'))
  assert.equal(world.served[0]?.options.terminal, false)
  assert.equal(world.served[0]?.options.logs, 'json')
  assert.equal(world.served[0]?.config.listen.port, 5000)
})

test('--json at a terminal logs as well, and so no password may be made', async () => {
  const world = createWorld()
  await runCli(['up', '--json'], world.composition, { terminal: true })
  assert.deepEqual(
    world.served.map(({ options }) => [options.logs, options.terminal]),
    [['json', false]],
  )
})

test('serve at a terminal shows the start and leaves the rest to the log', async () => {
  const world = createWorld()
  world.events = events
  const { stdout } = await runCli(['serve'], world.composition, { terminal: true })
  assert.match(stdout, /docker login localhost:5443/)
  assert.doesNotMatch(stdout, /Waiting|pushed in/)
  assert.match(stdout, /Stopping/)
  assert.equal(world.served[0]?.options.logs, 'text')
})

test('every flag of serve reaches its setting', async () => {
  const world = createWorld()
  const line =
    'serve --listen [::1]:1 --data /d --open --public-url http://r --plain-http everywhere --trusted-proxies 10.0.0.1 ' +
    '--workers 2 --tls-cert /c --tls-key /k --log-level warn --log-format text'
  const said = await runCli(line.split(' '), world.composition)
  assert.equal(said.code, 0, said.stderr)
  const served = world.served[0]?.config
  assert.ok(served)
  // What no flag sets is the business of config.test.ts.
  const { keep: _keep, backup: _backup, scrubEveryMs: _scrub, ...config } = served
  assert.deepEqual(
    { ...config, metadata: undefined, publicUrl: config.publicUrl?.href },
    {
      dataDir: '/d',
      listen: { host: '::1', port: 1 },
      publicUrl: 'http://r/',
      open: 'local',
      plainHttp: 'everywhere',
      trustedProxies: [{ address: '10.0.0.1', prefix: 32, family: 'ipv4' }],
      auditPulls: false,
      outboundAllow: [],
      workers: 2,
      tls: { mode: 'files', certificateFile: '/c', keyFile: '/k' },
      metadata: undefined,
      diskReserveBytes: 256 * 1024 * 1024,
      readOnly: false,
      uploadExpiryHours: 24,
      drainSeconds: 60,
      tokenLifetimeMinutes: 15,
      maxManifestBytes: 4_194_304,
      log: { level: 'warn', format: 'text' },
    },
  )
})

const lines: readonly (readonly [LiveEvent, string])[] = [
  [
    refused,
    '  ● 192.168.1.20 connected (docker 28.2), not trusting our certificate yet → run\n    the ca.sh line there',
  ],
  [{ kind: 'login', name: 'ann', address: '10.0.0.7' }, '  ● login ann from 10.0.0.7'],
  [
    { kind: 'login-failed', name: 'a\u001b[2Jnn', address: '10.0.0.7' },
    '  ● login a [2Jnn from 10.0.0.7 refused: wrong name or password',
  ],
  [{ kind: 'pushed', ...image }, '  ✓ demo/alpine:3.22 pushed in 2.1 s, 3.6 MB'],
  [
    { kind: 'pushed', ...image, reference: `sha256:${'ab'.repeat(32)}`, seconds: 75 },
    '  ✓ demo/alpine@sha256:abababababab… pushed in 1 min 15 s, 3.6 MB',
  ],
]

for (const [event, expected] of lines) {
  test(`the live line of ${event.kind}: ${expected.trim().slice(0, 40)}`, () => {
    const paint = (_style: unknown, text: string) => text
    const style = { paint, width: 80, program: 'carrel', first: false }
    assert.equal(liveLine(event, style), expected)
  })
}
