import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { RebuildReport, RebuildRequest } from '../rebuild.ts'
import { createWorld, emptyReport, runCli } from '../test-support.ts'

const report: RebuildReport = {
  ok: true,
  installation: 'one',
  journal: { segments: 3, bytes: 900, writtenAt: '2026-11-23T12:00:05.123Z' },
  repositories: 2,
  deletedRepositories: 1,
  tags: 5,
  manifests: 6,
  deletedManifests: 0,
  tagChanges: 1,
  blobs: 14,
  bytes: 3_200_000,
  principals: 0,
  findings: [],
  movedAside: [],
  lost: ['the audit log'],
  notes: [],
  fsck: emptyReport,
}
const missing = {
  kind: 'blob-missing',
  name: 'team/api',
  digest: `sha256:${'a'.repeat(64)}`,
  message: 'The manifest sha256:b needs this blob. Push the image again.',
}

function worldWith(answer: RebuildReport) {
  const asked: RebuildRequest[] = []
  const { composition } = createWorld()
  const rebuild = async (_: unknown, request: RebuildRequest) => {
    asked.push(request)
    return answer
  }
  return { asked, composition: { ...composition, rebuild } }
}

test('rebuild says what came back and what did not, and ends with 0', async () => {
  const { asked, composition } = worldWith({ ...report, movedAside: ['/srv/carrel.db.before'] })
  const said = await runCli(['rebuild', '--data', '/srv', '--force'], composition)
  assert.equal(said.code, 0)
  assert.equal(said.stdout, '')
  assert.match(said.stderr, /^made anew: 2 repositories, 5 tags, 6 manifests, 14 blobs, 3\.2 MB\n/)
  assert.match(said.stderr, /the journal ends at 2026-11-23 12:00:05 UTC/)
  assert.match(said.stderr, /moved aside:\n {2}\/srv\/carrel\.db\.before\n/)
  assert.match(said.stderr, /did not come back:\n {2}the audit log\n.*carrel backup restore/)
  assert.match(said.stderr, /\nfsck: all is there\nnext: carrel admin link/)
  assert.doesNotMatch(said.stderr, /came back by name/)
  assert.deepEqual([asked[0]?.deep, asked[0]?.force], [false, true])
  for (const line of said.stderr.split('\n')) assert.ok(line.length <= 80, line)
})

test('what is missing is told once, also when fsck finds it again, and ends with 6', async () => {
  const fsck = { ...emptyReport, ok: false, problems: [missing] }
  const broken = { ...report, ok: false, findings: [missing], principals: 3, fsck }
  const { asked, composition } = worldWith(broken)
  const said = await runCli(['rebuild', '--deep'], composition)
  assert.equal(said.code, 6)
  assert.equal(said.stdout.trimEnd().split('\n').length, 1)
  assert.match(said.stdout, /^blob-missing\tsha256:a+\tteam\/api\tThe manifest/)
  assert.match(said.stderr, /3 accounts came back by name.*carrel user enable NAME/)
  assert.match(said.stderr, /fsck: 1 problem; carrel fsck tells them again/)
  assert.equal(asked[0]?.deep, true)
  const people = await runCli(['rebuild'], composition, { terminal: true })
  assert.match(people.stdout, /✗.*blob-missing.*\n {4}team\/api\n {4}sha256:a+\n {4}The manifest/)
  const json = await runCli(['rebuild', '--json'], composition)
  assert.deepEqual(JSON.parse(json.stdout), broken)
  assert.equal(json.stderr, '')
})
