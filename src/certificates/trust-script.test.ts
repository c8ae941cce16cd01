import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { issueAuthority } from './issue.ts'
import { isHostPort, trustScript } from './trust-script.ts'

const host = '192.168.1.10:5443'
const caFiles = [
  `etc/containerd/certs.d/${host}/ca.crt`,
  `etc/containers/certs.d/${host}/ca.crt`,
  `etc/docker/certs.d/${host}/ca.crt`,
]
const hostsToml = `etc/containerd/certs.d/${host}/hosts.toml`

test('the script puts the authority where docker, podman and containerd look', async () => {
  await using root = await aRoot()
  const { authorityPem, fingerprint, script } = await aScript()
  const { status, stdout, stderr } = run(script, { DESTDIR: root.path })
  assert.deepEqual([status, stderr], [0, ''])
  for (const file of caFiles) {
    assert.equal(await readFile(join(root.path, file), 'utf8'), authorityPem)
    assert.equal((await stat(join(root.path, file))).mode & 0o777, 0o644)
    assert.equal((await stat(dirname(join(root.path, file)))).mode & 0o777, 0o755)
    assert.ok(stdout.includes(`written        ${join(root.path, file)}`))
  }
  assert.deepEqual((await readFile(join(root.path, hostsToml), 'utf8')).split('\n').slice(1), [
    `server = "https://${host}"`,
    '',
    `[host."https://${host}"]`,
    '  capabilities = ["pull", "resolve", "push"]',
    `  ca = "/etc/containerd/certs.d/${host}/ca.crt"`,
    '',
  ])
  assert.ok(stdout.includes(fingerprint))
  assert.match(stdout, /(?:docker|podman) login 192\.168\.1\.10:5443\n/)
  assert.deepEqual((await filesBelow(root.path)).toSorted(), [...caFiles, hostsToml].toSorted())
})

test('a second run changes nothing and says so', async () => {
  await using root = await aRoot()
  const { script } = await aScript()
  run(script, { DESTDIR: root.path })
  const path = join(root.path, hostsToml)
  const before = (await stat(path, { bigint: true })).ctimeNs
  const { status, stdout } = run(script, { DESTDIR: root.path })
  assert.equal(status, 0)
  assert.equal(stdout.match(/ {2}already there {2}/g)?.length, 4)
  assert.doesNotMatch(stdout, / {2}written /)
  assert.equal((await stat(path, { bigint: true })).ctimeNs, before)
})

test('a new authority takes the place of the old one, and what was there first is kept', async () => {
  await using root = await aRoot()
  const path = join(root.path, caFiles[2] ?? '')
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, 'of the company\n')
  const second = await aScript()
  run((await aScript()).script, { DESTDIR: root.path })
  const { stdout } = run(second.script, { DESTDIR: root.path })
  assert.match(stdout, / {2}written .*docker/)
  assert.equal(await readFile(path, 'utf8'), second.authorityPem)
  assert.equal(await readFile(`${path}.before-carrel`, 'utf8'), 'of the company\n')
})

test("somebody else's hosts.toml stays, with a word on what to set in it", async () => {
  await using root = await aRoot()
  const path = join(root.path, hostsToml)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, 'server = "https://mirror.example.com"\n')
  const { status, stdout } = run((await aScript()).script, { DESTDIR: root.path })
  assert.equal(status, 0)
  assert.equal(await readFile(path, 'utf8'), 'server = "https://mirror.example.com"\n')
  assert.match(stdout, /left as it is {2}.*hosts\.toml/)
  assert.ok(stdout.includes(`ca = "/etc/containerd/certs.d/${host}/ca.crt"`))
})

test('a containerd that does not look into certs.d is pointed out, one that does is not', async () => {
  await using root = await aRoot()
  const path = join(root.path, 'etc/containerd/config.toml')
  const { script } = await aScript()
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, 'version = 3\n# config_path = "/etc/containerd/certs.d"\n')
  assert.match(run(script, { DESTDIR: root.path }).stdout, /systemctl restart containerd/)
  await writeFile(path, 'version = 3\n  config_path = "/etc/containerd/certs.d"\n')
  assert.doesNotMatch(run(script, { DESTDIR: root.path }).stdout, /systemctl/)
})

test('without root the script says so in one line and does nothing', async () => {
  await using root = await aRoot()
  // An `id` that answers as for a user, for when the tests themselves run as root; and commands
  // that would write are not there at all.
  await writeFile(join(root.path, 'id'), '#!/bin/sh\necho 1000\n')
  await chmod(join(root.path, 'id'), 0o755)
  const { status, stdout, stderr } = run((await aScript()).script, { PATH: root.path })
  assert.deepEqual([status, stdout], [1, ''])
  assert.match(stderr, /^This script writes below \/etc, so it needs root: [^\n]+\n$/)
})

test('half a download does nothing', async () => {
  const { script } = await aScript()
  // Cut after each line in the second half, where commands that write stand.
  const lines = script.split('\n').slice(0, -2)
  for (let count = Math.floor(lines.length / 2); count <= lines.length; count += 5) {
    await using root = await aRoot()
    run(lines.slice(0, count).join('\n'), { DESTDIR: root.path })
    assert.deepEqual(await filesBelow(root.path), [])
  }
})

test('every host that is accepted makes a script that the shell can parse', async () => {
  const hosts = [
    'localhost:5443',
    'Registry.Example.com',
    'my_host:1',
    '[fd00::1]:65535',
    '10.0.0.1',
  ]
  for (const hostPort of hosts) {
    const { script } = await aScript(hostPort)
    assert.equal(spawnSync('sh', ['-n'], { input: script }).status, 0, hostPort)
  }
})

test('no text but a host with a port gets into the script', async () => {
  const wrong = [
    '',
    "a'b:1",
    'a b',
    'a:0',
    'a:65536',
    'a:',
    'a:1:2',
    'a\n',
    '$(id)',
    '`id`',
    'a;id',
    '../etc',
    'a/../b',
    'a..b',
    '.',
    '-a',
    '[::1',
    '[zz]:1',
    '::1',
    '[fe80::1%eth0]:1',
    'a"b',
    'a\\b',
    'é.example',
    'x'.repeat(300),
  ]
  const { authorityPem, fingerprint } = await aScript()
  for (const hostPort of wrong) {
    assert.equal(isHostPort(hostPort), false, hostPort)
    assert.throws(() => trustScript({ hostPort, authorityPem, fingerprint }), /no trust script/)
  }
  const unit = fc.constantFrom(...`ab1.:[]-_/'"\`$;&|<>(){}*?!\\ \n\t%#~=`.split(''))
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 8 }), (text) => {
      assert.ok(!isHostPort(text) || /^[A-Za-z0-9._:[\]-]+$/.test(text), text)
    }),
    { numRuns: 2000 },
  )
})

test('text around the certificate stays out, and a wrong fingerprint is refused', async () => {
  const { authorityPem, fingerprint, script } = await aScript()
  const around = `'; touch /tmp/x; '\n${authorityPem}'; id\n`
  assert.equal(trustScript({ hostPort: host, authorityPem: around, fingerprint }), script)
  const other = (await aScript()).fingerprint
  for (const wrong of [other, "'; id; '", '']) {
    assert.throws(
      () => trustScript({ hostPort: host, authorityPem, fingerprint: wrong }),
      /is not the one of the authority/,
    )
  }
})

async function aScript(hostPort: string = host) {
  const { certificatePem: authorityPem } = await issueAuthority('shelf', new Date())
  const fingerprint = new X509Certificate(authorityPem).fingerprint256
  return { authorityPem, fingerprint, script: trustScript({ hostPort, authorityPem, fingerprint }) }
}

/** As `curl … | sh` does it. */
function run(script: string, env: Readonly<Record<string, string>>) {
  const path = process.env['PATH'] ?? ''
  return spawnSync('/bin/sh', { input: script, encoding: 'utf8', env: { PATH: path, ...env } })
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  return files.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
}

async function aRoot(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'carrel-trust-'))
  return { path, [Symbol.asyncDispose]: async () => await rm(path, { recursive: true }) }
}
