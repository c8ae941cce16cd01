// Backups of a serving registry: killed at random moments and made again, they restore to what was acknowledged before
// they began; and rows come back fast enough.
//
//   CARREL_TEST_BACKUP_KILLS=500 CARREL_TEST_SEED=abc npm test -- --only test/backup
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test } from 'node:test'
import { composeBackup } from '../src/compose-backup.ts'
import { openInstallation } from '../src/compose-installation.ts'
import { backupRounds, configOf, requestOf } from './durability/backup-rounds.ts'
import { warmStarts, type WarmStarts } from './durability/compile-cache.ts'
import { createAcknowledgementLog } from './durability/acknowledgements.ts'
import { compareRestored, expectedBetween } from './durability/restored-contents.ts'
import { seedOfRun } from './durability/random.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const isThorough = process.env['CI'] === 'true'
const kills = Number(process.env['CARREL_TEST_BACKUP_KILLS'] ?? (isThorough ? 40 : 10))
const manifests = Number(
  process.env['CARREL_TEST_BACKUP_MANIFESTS'] ?? (isThorough ? 50_000 : 20_000),
)
let warm: WarmStarts

before(async () => {
  warm = await warmStarts()
})
after(async () => warm[Symbol.asyncDispose]())

test(
  `${kills} backups that were killed while clients pushed, made again and restored, lack nothing`,
  { timeout: 60_000 + 6000 * kills },
  async (t) => {
    const seed = seedOfRun()
    const report = await backupRounds({ seed, kills, env: warm.env })
    t.diagnostic(
      `seed ${seed}: ${report.acknowledged} acknowledged changes; ${report.killed} runs killed, ` +
        `${report.amidst} of them amidst their work; ${report.compared} objects compared`,
    )
    assert.deepEqual(report.problems, [])
    assert.ok(report.amidst >= kills / 10, 'too few runs were killed amidst their work')
    assert.ok(report.acknowledged > 10 * kills, 'too little was pushed to prove anything')
  },
)

test('a snapshot that is older than what was promised is found to lack it', async () => {
  await using folder = await temporaryFolder('backup')
  const data = join(folder.path, 'data')
  await (await openInstallation(configOf(data), { create: true }))[Symbol.asyncDispose]()
  const log = createAcknowledgementLog()
  const at = { repository: 'admin/one', digest: `sha256:${'a'.repeat(64)}` }
  log.begin([
    { kind: 'blob', ...at },
    { kind: 'manifest', ...at },
    { kind: 'tag', tag: 'x', ...at },
  ])('done')
  const now = log.now()
  const problems = await compareRestored(data, expectedBetween(log, now, now))
  assert.equal(problems.length, 3)
  // What came later is not owed.
  assert.deepEqual(await compareRestored(data, expectedBetween(log, 0, now)), [])
})

test(`the rows of ${manifests} manifests come back`, { timeout: 300_000 }, async (t) => {
  await using folder = await temporaryFolder('backup')
  const data = join(folder.path, 'data')
  const to = join(folder.path, 'backup')
  await (await openInstallation(configOf(data), { create: true }))[Symbol.asyncDispose]()
  fillWithManifests(join(data, 'carrel.db'), manifests)
  const commands = composeBackup()
  const began = performance.now()
  const made = await commands.create(configOf(data), requestOf(to))
  const created = performance.now()
  // Until the rows are there; what follows is the check of everything.
  let loaded = 0
  const restored = await commands.restore(configOf(join(folder.path, 'new')), {
    ...requestOf(to),
    onProgress: ({ phase }) => {
      if (loaded === 0 && phase.startsWith('checking')) loaded = performance.now()
    },
  })
  const checked = performance.now()
  const each = (ms: number) =>
    `${(ms / 1000).toFixed(1)} s (1,000,000: ${(((ms / manifests) * 1e6) / 60_000).toFixed(1)} min)`
  t.diagnostic(
    `written in ${each(created - began)}, restored in ${each(loaded - created)}, checked in ${each(checked - loaded)}`,
  )
  assert.deepEqual([restored.problems, restored.ok], [[], true])
  assert.deepEqual([made.counts.manifests, restored.counts.manifests], [manifests, manifests])
  // reliability.md T45: 1,000,000 in less than ten minutes.
  assert.ok(
    ((loaded - created) / manifests) * 1e6 < 600_000,
    'a million would take more than ten minutes',
  )
})

/** Images of five layers each, every tenth of them tagged, as pushes leave them. */
function fillWithManifests(file: string, count: number): void {
  const db = new DatabaseSync(file)
  db.exec(
    "PRAGMA synchronous = OFF; PRAGMA cache_size = -200000; BEGIN; insert into repositories (name, visibility, created_at) values ('a/b', 'private', 1)",
  )
  const blob = db.prepare(
    'insert into blobs (digest, size, content, created_at, verified_at) values (?, ?, ?, 1, 1)',
  )
  const link = db.prepare('insert into repository_blobs values (1, ?, 1)')
  const manifest = db.prepare(
    `insert into manifests (repository_id, digest, media_type, size, content, pushed_at)
      values (1, ?, 'application/vnd.oci.image.manifest.v1+json', ?, ?, 1)`,
  )
  const use = db.prepare('insert into manifest_blobs values (1, ?, ?)')
  const tag = db.prepare('insert into tags values (1, ?, ?, 1, null)')
  const change = db.prepare(
    'insert into tag_changes (repository_id, tag, digest, changed_at) values (1, ?, ?, 1)',
  )
  const digestOf = (bytes: Uint8Array) =>
    `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  const addBlob = (text: string) => {
    const bytes = Buffer.from(text)
    const digest = digestOf(bytes)
    blob.run(digest, bytes.length, bytes)
    link.run(digest)
    return { digest, size: bytes.length }
  }
  const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip'
  const shared = Array.from({ length: 200 }, (_, index) => addBlob(`layer ${index}`))
  for (let index = 0; index < count; index += 1) {
    const config = addBlob(`{"os":"linux","architecture":"amd64","created":"${index}"}`)
    const own = Array.from(
      { length: 5 },
      (_, layer) => shared[(index * 7 + layer) % shared.length] as (typeof shared)[0],
    )
    const bytes = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
        layers: own.map((layer) => ({ mediaType: layerType, ...layer })),
      }),
    )
    const digest = digestOf(bytes)
    manifest.run(digest, bytes.length, bytes)
    for (const needed of [config, ...own]) use.run(digest, needed.digest)
    if (index % 10 > 0) continue
    tag.run(`v${index}`, digest)
    change.run(`v${index}`, digest)
  }
  db.exec('COMMIT')
  db.close()
}
