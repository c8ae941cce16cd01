import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AdoptionCommands, ExportReport, ExportRequest, VolumeReport } from '../adoption.ts'
import { InstallationError } from '../composition.ts'
import { createWorld, runCli } from '../test-support.ts'

const clean: VolumeReport = {
  ok: true,
  directory: '/srv/registry',
  repositories: 3,
  tags: 12,
  manifests: 14,
  blobs: 40,
  bytes: 5_000_000,
  reclaimable: { blobs: 2, bytes: 2_000_000 },
  losses: 0,
  findings: {
    orphan: { count: 2, bytes: 2_000_000, examples: [{ message: 'No repository has it.' }] },
  },
}

const damaged: VolumeReport = {
  ...clean,
  ok: false,
  losses: 5,
  findings: {
    'tag-broken': {
      count: 5,
      bytes: 0,
      examples: [1, 2, 3, 4, 5].map((index) => ({
        name: `team/app:v${index}`,
        digest: `sha256:${'ab'.repeat(32)}`,
        message: 'The manifest that it points to is not in the repository.',
      })),
    },
  },
}

function aWorld(commands: Partial<AdoptionCommands>) {
  const world = createWorld()
  const adoption = async () => commands as AdoptionCommands
  return { ...world.composition, adoption }
}

test('a clean volume is told in a few lines, with what to do next', async () => {
  const asked: string[] = []
  const world = aWorld({
    async check(directory) {
      asked.push(directory)
      return clean
    },
  })
  const said = await runCli(['adopt', '--check', 'registry'], world, { terminal: true })
  assert.equal(said.code, 0)
  assert.match(said.stdout, /3 repositories, 12 tags, 14 manifests/)
  assert.match(said.stdout, /blobs in no repository, to be collected: 2 \(2\.0 MB\)/)
  assert.match(said.stderr, /2\.0 MB will come back/)
  assert.match(said.stderr, /carrel serve --data \/srv\/registry/)
  assert.match(asked[0] ?? '', /\/registry$/)
})

test('losses are shown with examples, fit the screen, and end with 1', async () => {
  const world = aWorld({ check: async () => damaged })
  const said = await runCli(['adopt', '--check', '/srv/registry'], world, { terminal: true })
  assert.equal(said.code, 1)
  assert.match(said.stdout, /tags that lead nowhere: 5/)
  assert.match(said.stdout, /and 2 more/)
  assert.match(said.stderr, /5 things in it cannot be served/)
  for (const line of said.stdout.split('\n')) assert.ok(line.length <= 90, line)
  const json = await runCli(['adopt', '--check', '/srv/registry', '--json'], world)
  assert.deepEqual(JSON.parse(json.stdout), damaged)
  const plain = await runCli(['adopt', '--check', '/srv/registry'], world)
  assert.equal(plain.stdout.split('\n').length, 6)
  assert.match(plain.stdout, /^tag-broken\tteam\/app:v1\tsha256:/)
})

test('without --check it says what to do', async () => {
  const said = await runCli(['adopt', '/srv/registry'], aWorld({}))
  assert.equal(said.code, 2)
  assert.match(said.stderr, /carrel adopt --check \/srv\/registry/)
})

const exported: ExportReport = {
  ok: true,
  layout: 'registry2',
  directory: '/srv/back',
  repositories: 3,
  tags: 12,
  manifests: 14,
  blobs: 40,
  bytes: 5_000_000,
  linked: 30,
  copied: 24,
  kept: 0,
  problems: [],
  notes: ['2 sha512 digests'],
}

test('an export is asked for with its layout and which repositories, and told in two lines', async () => {
  const requests: ExportRequest[] = []
  const world = aWorld({
    async export(_config, request) {
      requests.push(request)
      return exported
    },
  })
  const args = ['export', '--layout', 'registry2', '/srv/back', '--repo', 'team/*']
  const said = await runCli(args, world)
  assert.equal(said.code, 0)
  assert.deepEqual(requests, [
    { layout: 'registry2', directory: '/srv/back', repositories: 'team/*' },
  ])
  assert.match(said.stderr, /note: 2 sha512 digests/)
  assert.match(said.stderr, /30 files linked, 24 copied/)
  const missing = await runCli(['export', '/srv/back'], world)
  assert.equal(missing.code, 2)
})

test('what could not be exported ends with 6, a foreign folder with 1', async () => {
  const problem = { kind: 'blob-lost', name: 'team/app', digest: 'sha256:ab', message: 'Lost.' }
  const world = aWorld({ export: async () => ({ ...exported, ok: false, problems: [problem] }) })
  const said = await runCli(['export', '--layout', 'oci', '/srv/back'], world)
  assert.equal(said.code, 6)
  assert.equal(said.stdout, 'blob-lost\tteam/app\tsha256:ab\tLost.\n')
  const refusing = aWorld({
    async export() {
      throw new InstallationError('invalid', '/srv/back is not empty', { fix: 'give a new folder' })
    },
  })
  const refused = await runCli(['export', '--layout', 'oci', '/srv/back'], refusing)
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /is not empty/)
})
