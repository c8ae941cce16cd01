// `carrel backup` as it is composed, from the command line to the folder: everything that an operator can do to a backup.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import { aFolder, bytesOf } from './backup/test-support/archives.ts'
import { createWorld, runCli, type Said } from './cli/test-support.ts'
import { backupBlobs, composeBackup } from './compose-backup.ts'
import { openInstallation } from './compose-installation.ts'
import { openBlobs, openMetadata } from './compose-stores.ts'
import { parseConfig, type Config } from './config/config.ts'
import { findBackupState, findVerifiedState } from './metadata/backup-state.ts'
import { findBlob, insertBlob, linkBlob } from './metadata/blobs.ts'
import type { MetadataStore } from './metadata/metadata-store.ts'
import { aRepository } from './metadata/suite-cases/case.ts'
import {
  askPostgres,
  createPostgresSchema,
  postgresIsMissing,
} from './metadata/test-support/postgres.ts'
import { digestOf, type Digest } from './oci/digest.ts'
import { parseKey } from './storage/driver.ts'
import { backupUpkeep, isBackupDue, isDrillDue } from './process/backup-upkeep.ts'

interface Place {
  readonly folder: string
  readonly data: string
  readonly to: string
  readonly digest: Digest
  readonly run: (line: string, options?: Parameters<typeof runCli>[2]) => Promise<Said>
}

/** An installation with one blob in the storage, and a folder for its backup. */
async function aPlace(t: TestContext): Promise<Place> {
  const folder = await aFolder(t)
  const data = join(folder, 'data')
  const to = join(folder, 'backup')
  await (await openInstallation(configOf(data), { create: true }))[Symbol.asyncDispose]()
  const digest = await addBlob(data, 50_000)
  await mkdir(join(data, 'keys'))
  await writeFile(join(data, 'keys', 'second-factor.key'), 'key\n', { mode: 0o600 })
  await writeFile(join(data, 'carrel.yaml'), 'log: { level: warn }\n')
  const composition = { ...createWorld().composition, backup: async () => composeBackup() }
  const run: Place['run'] = async (line, options) =>
    runCli(['backup', ...line.split(' ')], composition, { cwd: folder, ...options })
  return { folder, data, to, digest, run }
}

async function addBlob(data: string, size: number): Promise<Digest> {
  const bytes = randomBytes(size)
  const digest = digestOf(bytes)
  await using metadata = await openMetadata(configOf(data), { migrate: false })
  await using storage = await openBlobs(data)
  const { key: storageKey } = await storage.blobs.writeBytes(bytes, digest)
  await metadata.write(async (tx) => {
    const id = await aRepository(tx, `team/${digest.slice(7, 15)}`)
    await insertBlob(tx, { digest, size, storageKey, content: undefined })
    await linkBlob(tx, id, digest)
  })
  return digest
}

function configOf(data: string, more: Readonly<Record<string, string>> = {}): Config {
  const value = (text: string) =>
    ({ value: text, name: 'test', source: 'flag', base: '/' }) as const
  const values = Object.fromEntries(
    Object.entries({ data, ...more }).map(([key, text]) => [key, value(text)]),
  )
  const { config, problems } = parseConfig({ values, warnings: [], problems: [], cwd: '/' })
  if (config === undefined) throw new Error(problems.join('\n'))
  return config
}

async function within<T>(data: string, work: (metadata: MetadataStore) => Promise<T>): Promise<T> {
  await using metadata = await openMetadata(configOf(data), { migrate: false })
  return await work(metadata)
}

async function objectOf(to: string): Promise<string> {
  const [shard = ''] = await readdir(join(to, 'blobs'))
  const [name = ''] = await readdir(join(to, 'blobs', shard))
  return join(to, 'blobs', shard, name)
}

suite('carrel backup', () => {
  test('makes, lists, checks and restores, and says what to do next', async (t) => {
    const { run, data, folder, digest } = await aPlace(t)
    const made = await run('create backup --data data')
    assert.deepEqual([made.code, made.stdout.length], [0, 'YYYYMMDDTHHMMSS.mmmZ-12345678\n'.length])
    assert.match(made.stderr, /same disk/)
    assert.match(made.stderr, /not encrypted/)
    assert.match(made.stderr, /new in the backup: 1 blob \(50 kB\)/)
    const listed = await run('ls backup')
    assert.match(listed.stdout, new RegExp(`^${made.stdout.trim()}\t.*\t50000\tcomplete\n$`))
    const state = await within(data, findBackupState)
    assert.deepEqual(
      [state?.ok, state?.snapshot, state?.scheduled],
      [true, made.stdout.trim(), false],
    )

    const checked = await run('verify backup --all --data data --json')
    assert.deepEqual(
      [checked.code, (JSON.parse(checked.stdout) as { recorded: boolean }).recorded],
      [0, true],
    )
    assert.deepEqual((await within(data, findVerifiedState))?.how, 'all')
    const drilled = await run('drill backup --data data')
    assert.equal(drilled.code, 0)
    assert.match(drilled.stderr, /restored whole, checked and removed again/)
    assert.deepEqual((await within(data, findVerifiedState))?.how, 'drill')
    assert.deepEqual(
      (await readdir(data)).filter((name) => name.startsWith('.drill')),
      [],
    )

    const restored = await run('restore backup --data new')
    assert.equal(restored.code, 0)
    assert.match(restored.stderr, /restored whole: 1 repository/)
    assert.match(restored.stderr, /next: carrel up --data .*new/)
    const fresh = join(folder, 'new')
    assert.equal(await readFile(join(fresh, 'carrel.yaml'), 'utf8'), 'log: { level: warn }\n')
    assert.equal((await stat(join(fresh, 'keys', 'second-factor.key'))).mode & 0o777, 0o600)
    assert.deepEqual((await readdir(fresh)).includes('.restore'), false)
    await using metadata = await openMetadata(configOf(fresh), { migrate: false })
    await using storage = await openBlobs(fresh)
    const blob = await findBlob(metadata, digest)
    const bytes = await bytesOf(await storage.blobs.open(parseKey(blob?.storageKey ?? '')))
    assert.equal(digestOf(bytes), digest)
  })

  test('refuses what would mix or harm, and says why', async (t) => {
    const { run, folder, to } = await aPlace(t)
    const none = await run('create backup --data nowhere')
    assert.equal(none.code, 3)
    assert.equal((await run('ls backup')).code, 3)
    await run('create backup --data data')
    const full = await run('restore backup --data data')
    assert.equal(full.code, 1)
    assert.match(full.stderr, /data is not empty/)
    const foreign = await run('create data --data data')
    assert.match(foreign.stderr, /is not empty, and holds no backup/)
    assert.equal((await run('restore backup')).code, 2)
    const unknown = await run('restore backup --data new --snapshot 20260101T000000.000Z-00000000')
    assert.equal(unknown.code, 3)
    assert.equal((await run('create --data data')).code, 2)
    // Another installation never writes here.
    const other = join(folder, 'other')
    await (await openInstallation(configOf(other), { create: true }))[Symbol.asyncDispose]()
    const wrong = await run('create backup --data other')
    assert.match(wrong.stderr, /of another installation/)
    const checked = await run('verify backup --all --data other --json')
    assert.equal((JSON.parse(checked.stdout) as { recorded: boolean }).recorded, false)
    assert.ok((await stat(to)).isDirectory())
    // What a restore that was killed has left is no installation.
    await mkdir(join(folder, 'half', '.restore'), { recursive: true })
    assert.match((await run('restore backup --data half')).stderr, /was cut short/)
  })

  test('goes on when a blob is damaged, names it, and ends with 1', async (t) => {
    const { run, data, digest } = await aPlace(t)
    const second = await addBlob(data, 1000)
    const shard = join(data, 'storage', 'blobs', 'sha256', digest.slice(7, 9))
    const [name = ''] = (await readdir(shard)).filter((one) => one.startsWith(digest.slice(7)))
    await writeFile(join(shard, name), randomBytes(50_000))
    const made = await run('create backup --data data --json')
    const { complete, missing, copied } = JSON.parse(made.stdout) as {
      complete: boolean
      missing: { digest: string }[]
      copied: { blobs: number }
    }
    assert.deepEqual([made.code, complete, copied.blobs], [1, false, 1])
    assert.deepEqual(
      missing.map((one) => one.digest),
      [digest],
    )
    const text = await run('create backup --data data')
    assert.match(text.stderr, new RegExp(`${digest} is not in it`))
    const restored = await run('restore backup --data new --json')
    const { ok, lost } = JSON.parse(restored.stdout) as { ok: boolean; lost: { digest: string }[] }
    assert.deepEqual([restored.code, ok, lost.map((one) => one.digest)], [6, false, [digest]])
    const drilled = await run('drill backup --data data')
    assert.equal(drilled.code, 6)
    const state = await within(data, findVerifiedState)
    assert.deepEqual([state?.ok, state?.okAt], [false, undefined])
    assert.notEqual(second, digest)
  })

  test('finds a flipped bit, and the next run heals it', async (t) => {
    const { run, to, data } = await aPlace(t)
    await run('create backup --data data')
    const object = await objectOf(to)
    const bytes = await readFile(object)
    bytes[7] = (bytes[7] ?? 0) ^ 1
    await chmod(object, 0o600)
    await writeFile(object, bytes)
    assert.equal((await run('drill backup --data data')).code, 6)
    const found = await run('verify backup --all --data data')
    assert.equal(found.code, 6)
    assert.match(found.stdout, /has other bytes than those of its digest/)
    assert.equal((await within(data, findVerifiedState))?.ok, false)
    assert.equal((await run('create backup --data data')).code, 0)
    assert.equal((await run('verify backup --all --data data')).code, 0)
  })

  test('is encrypted with a key file or a passphrase, which opens it from either', async (t) => {
    const { run, folder, to } = await aPlace(t)
    await writeFile(join(folder, 'key'), 'correct horse battery staple\n')
    await writeFile(join(folder, 'wrong'), 'another key that is long enough\n')
    assert.equal((await run('create backup --data data --key-file key')).code, 0)
    assert.equal((await readFile(await objectOf(to))).subarray(0, 8).toString(), 'CARRELB1')
    const wrong = await run('verify backup --key-file wrong --data data')
    assert.equal(wrong.code, 4)
    assert.match(wrong.stderr, /^error: this is not the key of this backup\n$/)
    const nobody = await run('ls backup')
    assert.equal(nobody.code, 4)
    assert.match(nobody.stderr, /encrypted, and no key was given/)
    const asked = await run('ls backup', { typed: ['correct horse battery staple'] })
    assert.equal(asked.code, 0)
    assert.match(asked.stderr, /Passphrase of the backup/)
    const env = { CARREL_BACKUP_KEY_FILE: join(folder, 'key') }
    assert.equal((await run('verify backup --all --data data', { env })).code, 0)
    const restored = await run('restore backup --data new --passphrase-file key')
    assert.equal(restored.code, 0)
    const gone = await run('create backup --data data --key-file none')
    assert.equal(gone.code, 2)
  })

  test('is begun with a passphrase that is typed twice; a plain one stays plain', async (t) => {
    const { run, folder } = await aPlace(t)
    const words = 'correct horse battery staple'
    const made = await run('create typed --encrypt --data data', { typed: [words, words] })
    assert.equal(made.code, 0)
    const differs = await run('create other --encrypt --data data', {
      typed: [words, 'something else'],
    })
    assert.match(differs.stderr, /the two passphrases differ/)
    await run('create plain --data data')
    await writeFile(join(folder, 'key'), words)
    const mixed = await run('create plain --data data --key-file key')
    assert.match(mixed.stderr, /was begun without encryption/)
    const short = await run('create short --encrypt --data data', { typed: ['short', 'short'] })
    assert.match(short.stderr, /the key is too short/)
  })

  test('restores from what can only be read', async (t) => {
    const { run, to } = await aPlace(t)
    await run('create backup --data data')
    await rm(join(to, '.tmp'), { recursive: true })
    await rm(join(to, 'locks'), { recursive: true })
    const before = await readdir(to)
    assert.equal((await run('restore backup --data new')).code, 0)
    assert.deepEqual(await readdir(to), before)
  })

  test('with a damaged snapshot lists the others, and restores the one that is chosen', async (t) => {
    const { run, to } = await aPlace(t)
    const good = (await run('create backup --data data')).stdout.trim()
    const bad = (await run('create backup --data data')).stdout.trim()
    const file = join(to, 'snapshots', `${bad}.json`)
    await writeFile(
      file,
      (await readFile(file, 'utf8')).replace('"complete": true', '"complete": false'),
    )
    const listed = JSON.parse((await run('ls backup --json')).stdout) as {
      snapshot: string
      state: string
    }[]
    assert.deepEqual(
      listed.map(({ snapshot, state }) => [snapshot, state]),
      [
        [good, 'complete'],
        [bad, 'damaged'],
      ],
    )
    const refused = await run('restore backup --data new')
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /is damaged, or was changed[\s\S]*--snapshot ID/)
    assert.equal((await run(`restore backup --data new --snapshot ${good}`)).code, 0)
  })
})

suite('a restore into PostgreSQL', { skip: postgresIsMissing }, () => {
  test('leaves its settings aside, and is refused where something is', async (t) => {
    const { run, folder } = await aPlace(t)
    await run('create backup --data data')
    const { url } = await createPostgresSchema()
    const env = { CARREL_METADATA_URL: url }
    const restored = await run('restore backup --data grown', { env })
    assert.equal(restored.code, 0, restored.stderr)
    assert.match(restored.stderr, /carrel\.yaml\.from-backup, and not in force/)
    const names = await readdir(join(folder, 'grown'))
    assert.deepEqual([names.includes('carrel.db'), names.includes('carrel.yaml')], [false, false])
    const again = await run('restore backup --data again', { env })
    assert.match(again.stderr, /this PostgreSQL database is not empty/)
    assert.ok((await askPostgres('select 1 as one')).length === 1)
    const back = await run('create grown-backup --data grown', { env })
    assert.equal(back.code, 0)
    assert.equal((await run('restore grown-backup --data small')).code, 0)
  })
})

suite('the server', () => {
  test('makes a backup, reads a share of it back and restores it aside, each when it is due', async (t) => {
    const { data, to } = await aPlace(t)
    const config = configOf(data, { 'backup.to': to, 'backup.keep': '2' })
    await using metadata = await openMetadata(config, { migrate: false })
    await using storage = await openBlobs(data)
    const warnings: string[] = []
    const warn = (message: string) => void warnings.push(message)
    const [task, ...others] = backupUpkeep({ config, metadata, blobs: storage.blobs, warn })
    assert.ok(task !== undefined && others.length === 0)
    await task.run()
    const [last, verified] = [await findBackupState(metadata), await findVerifiedState(metadata)]
    assert.deepEqual([last?.ok, last?.scheduled, last?.to], [true, true, to])
    assert.deepEqual(
      [verified?.ok, verified?.how, verified?.snapshot],
      [true, 'drill', last?.snapshot],
    )
    await task.run()
    assert.equal((await findBackupState(metadata))?.snapshot, last?.snapshot, 'nothing was due')
    assert.equal((await readdir(join(to, 'snapshots'))).length, 1)
    assert.deepEqual(
      await readdir(data).then((names) => names.filter((name) => name.startsWith('.drill'))),
      [],
    )
    assert.ok(warnings.some((message) => message.includes('same disk')))
  })

  test('tells of a backup that fails, and remembers that', async (t) => {
    const { data, folder } = await aPlace(t)
    const to = join(folder, 'file')
    await writeFile(to, '')
    const config = configOf(data, { 'backup.to': to })
    await using metadata = await openMetadata(config, { migrate: false })
    await using storage = await openBlobs(data)
    const [task] = backupUpkeep({ config, metadata, blobs: storage.blobs, warn: () => undefined })
    await assert.rejects(task?.run() ?? Promise.resolve(), /is a file, and no folder/)
    const state = await findBackupState(metadata)
    assert.deepEqual([state?.ok, state?.okAt, state?.problemCount], [false, undefined, 1])
  })

  test('without a place for backups has nothing to do', async (t) => {
    const { data } = await aPlace(t)
    const config = configOf(data)
    await using metadata = await openMetadata(config, { migrate: false })
    await using storage = await openBlobs(data)
    const deps = { config, metadata, blobs: storage.blobs, warn: () => undefined }
    assert.deepEqual(backupUpkeep(deps), [])
    assert.equal(backupBlobs(config), undefined)
  })

  test('gives a blob of its backup to whoever heals a damaged one', async (t) => {
    const { run, data, to, digest } = await aPlace(t)
    const open = backupBlobs(configOf(data, { 'backup.to': to }))
    assert.equal(await open?.(digest), undefined, 'there is no backup yet')
    await run('create backup --data data')
    const source = await open?.(digest)
    assert.equal(source && digestOf(await bytesOf(source)), digest)
    assert.equal(await open?.(digestOf(Buffer.from('other'))), undefined)
  })

  test('is due by what is remembered', () => {
    const hour = 3_600_000
    const schedule = configOf('/x', { 'backup.to': '/b', 'backup.every': '24h' }).backup
    const state = (ok: boolean, at: number, more: object = {}) =>
      ({ ok, at, to: '/b', problems: [], problemCount: 0, scheduled: true, ...more }) as const
    assert.equal(isBackupDue(undefined, schedule, 0), true)
    assert.equal(isBackupDue(state(true, 0), schedule, 23 * hour), false)
    assert.equal(isBackupDue(state(true, 0), schedule, 24 * hour), true)
    assert.equal(isBackupDue({ ...state(true, 0), to: '/other' }, schedule, 1), true)
    assert.equal(isBackupDue(state(false, 0), schedule, hour), true)
    assert.equal(isBackupDue(state(false, 0), schedule, hour - 1), false)
    // Damaged blobs were left out: the same again would be no better in an hour.
    assert.equal(isBackupDue(state(false, 0, { snapshot: 's' }), schedule, 2 * hour), false)
    assert.equal(isDrillDue(undefined, schedule, Date.now()), true)
    assert.equal(
      isDrillDue({ ...state(true, 0), how: 'drill', okAt: 1 }, schedule, 7 * 24 * hour),
      false,
    )
    assert.equal(
      isDrillDue({ ...state(true, 0), to: '/c', how: 'drill', okAt: 1 }, schedule, 2),
      true,
    )
    const never = configOf('/x', { 'backup.drillEvery': 'never' }).backup
    assert.equal(isDrillDue(undefined, never, Date.now()), false)
  })
})
