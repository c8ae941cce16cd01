// What commands do to an installation, beside a running server or without one: the composition root of everything but
// serving. Refusals of installation/ become those of the command line here.
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Actor } from './access/actor.ts'
import { importDockerAuth } from './access/import-docker-auth.ts'
import { importHtpasswd } from './access/import-htpasswd.ts'
import { Refusal } from './access/refusal.ts'
import { createPasswordPool, type PasswordPool } from './auth/password-pool.ts'
import { originOf } from './cli/addresses.ts'
import { InstallationError, type Check, type Installation } from './cli/composition.ts'
import { keepingChecks, publicChecks } from './compose-doctor.ts'
import { checkSignIn } from './compose-sign-in.ts'
import { databaseFile, openBlobs, openMetadata } from './compose-stores.ts'
import { makeDurableFolder } from './certificates/durable-file.ts'
import type { Config } from './config/config.ts'
import { isLoopbackHost } from './config/listen-address.ts'
import { fsck } from './fsck/fsck.ts'
import { spotCheck } from './fsck/spot-check.ts'
import { checkCertificateFiles, checkOwnCertificate } from './installation/doctor/certificate.ts'
import { ok, problem, reasonOf, shellWord, warning } from './installation/doctor/check.ts'
import { checkDataFolder, checkFileSystem, checkSpace } from './installation/doctor/data-folder.ts'
import { checkAdministrator, checkClock, checkDatabase } from './installation/doctor/database.ts'
import { checkFiles } from './installation/doctor/files.ts'
import { checkListening } from './installation/doctor/listening.ts'
import { checkDoors, checkHtpasswd, checkPasswordFile } from './installation/doctor/logins.ts'
import { replaceSetupLink } from './installation/first-administrator.ts'
import { ensureIdentity } from './installation/identity.ts'
import { replaceSigningKeys } from './installation/signing-keys.ts'
import { resetAdministrator } from './installation/users.ts'
import { isDatabaseDamage, type DatabaseState } from './metadata/database-state.ts'
import { inspectPostgres } from './metadata/dialects/postgres-inspect.ts'
import { inspectSqlite, type Care } from './metadata/dialects/sqlite-inspect.ts'
import type { MetadataStore } from './metadata/metadata-store.ts'
import { findSetting } from './metadata/settings.ts'
import { StorageFullError, StorageUnavailableError } from './oci/errors.ts'

/** @throws {InstallationError} not-found without `create`; unavailable when the database cannot be used */
export async function openInstallation(
  config: Config,
  options: { readonly create: boolean },
): Promise<Installation> {
  return installationOf(config, await openInstallationData(config, options))
}

/** The database alone. @throws {InstallationError} as openInstallation */
export async function openInstallationData(
  config: Config,
  { create }: { readonly create: boolean },
): Promise<MetadataStore> {
  return explained(config, async () => {
    const isThere = await hasInstallation(config)
    if (!isThere && !create) throw noInstallation(config)
    if (!isThere) await makeDurableFolder(config.dataDir)
    const metadata = await openMetadata(config, { migrate: true })
    try {
      if (create) await ensureIdentity(metadata)
      return metadata
    } catch (error) {
      await metadata[Symbol.asyncDispose]()
      throw error
    }
  })
}

/** Looks at the database without opening it for work: nothing is migrated, nothing made. */
async function inspectDatabase(config: Config, care: Care): Promise<DatabaseState> {
  const { metadata, dataDir } = config
  return metadata.dialect === 'sqlite'
    ? inspectSqlite(join(dataDir, databaseFile), care)
    : inspectPostgres(metadata.url.reveal())
}

/** Whether a server or a command has been here before. */
async function hasInstallation(config: Config): Promise<boolean> {
  if (config.metadata.dialect === 'sqlite') return isFile(join(config.dataDir, databaseFile))
  return !(await inspectDatabase(config, 'quick')).empty
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

function noInstallation({ dataDir, metadata }: Config): InstallationError {
  const place = metadata.dialect === 'sqlite' ? dataDir : 'this PostgreSQL database'
  return new InstallationError('not-found', `there is no installation in ${place}`, {
    why:
      metadata.dialect === 'sqlite'
        ? `it has no ${databaseFile}; a first start makes one`
        : 'it has no tables of Carrel; a first start makes them',
    fix: metadata.dialect === 'sqlite' ? 'add --data DIR, or start one: carrel up' : 'carrel up',
  })
}

/** Whoever runs commands on the machine itself. */
const operator: Actor = { id: undefined, name: 'operator' }

function installationOf(config: Config, metadata: MetadataStore): Installation {
  const passwords = createPasswordPool({ threads: 1, queueLimit: 8 })
  const users = { metadata, passwords }
  const run = async <T>(work: () => Promise<T>) => explained(config, work)
  return {
    createSetupLink: async () => run(async () => replaceSetupLink(metadata)),
    resetAdminPassword: async (password) =>
      run(async () => resetAdministrator(users, operator, password)),
    replaceSigningKeys: async () => run(async () => replaceSigningKeys(metadata, operator)),
    importHtpasswd: async (text, options) =>
      run(async () => importHtpasswd(users, operator, text, options)),
    importDockerAuth: async (text, options) =>
      run(async () => importDockerAuth(users, operator, text, options)),
    fsck: async (...how) => run(async () => fsckOf(config, metadata, how)),
    [Symbol.asyncDispose]: async () => close(passwords, metadata),
  }
}

async function close(passwords: PasswordPool, metadata: MetadataStore): Promise<void> {
  await passwords.close()
  await metadata[Symbol.asyncDispose]()
}

async function fsckOf(
  config: Config,
  metadata: MetadataStore,
  [onProgress, options]: Parameters<Installation['fsck']>,
) {
  const { damage } = await inspectDatabase(config, 'thorough')
  await using storage = await openBlobs(config.dataDir)
  const deps = { metadata, blobs: storage.blobs, databaseDamage: damage }
  return await fsck({ ...deps, ...options }, onProgress)
}

/** In the words of the command line, which knows neither our errors nor those of a database. */
async function explained<T>(config: Config, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw explain(config, error)
  }
}

/** An InstallationError for what people can do something about; all else as it is. */
export function explain({ dataDir, metadata }: Config, error: unknown): unknown {
  if (error instanceof Refusal) {
    const { kind, message, why, fix } = error
    const more = { ...(why !== undefined && { why }), ...(fix !== undefined && { fix }) }
    const said = kind === 'changed' ? 'invalid' : kind
    return new InstallationError(said, message, { ...more, cause: error })
  }
  const place = metadata.dialect === 'sqlite' ? join(dataDir, databaseFile) : 'PostgreSQL'
  const fix = `carrel doctor --data ${shellWord(dataDir)}`
  const unavailable = (message: string, why: string) =>
    new InstallationError('unavailable', message, { why, fix, cause: error })
  if (isDatabaseDamage(error)) {
    return unavailable(`the database ${place} is damaged`, (error as Error).message)
  }
  if (error instanceof StorageFullError)
    return unavailable('nothing was changed', 'the disk is full')
  const lost = error instanceof StorageUnavailableError || isOutOfReach(error)
  if (!lost) return error
  const { cause, message, code } = error as NodeJS.ErrnoException
  const reason = cause instanceof Error ? cause.message : message
  return unavailable(`the database ${place} cannot be used`, reason || String(code))
}

/** SQLite: busy, locked, read-only, input or output, full, cannot open. */
const sqliteOutOfReach: readonly number[] = [5, 6, 8, 10, 13, 14]
/** PostgreSQL: connection, login, no such database, shut down; and what sockets say. */
const postgresOutOfReach =
  /^(?:08\w{3}|28\w{3}|3D000|57P\d\d|53300|ECONN\w+|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH)$/

function isOutOfReach(error: unknown): boolean {
  const { code, errcode } = error as NodeJS.ErrnoException & { readonly errcode?: number }
  if (errcode !== undefined) return sqliteOutOfReach.includes(errcode & 0xff)
  return code !== undefined && postgresOutOfReach.test(code)
}

/** Looks at everything that can be looked at; what is not there yet is no problem. */
export async function* doctor(config: Config): AsyncGenerator<Check> {
  const { dataDir, metadata } = config
  const isEmbedded = metadata.dialect === 'sqlite'
  const folder = await checkDataFolder(dataDir)
  yield* folder.checks
  yield* await guarded('disk space', async () => checkSpace(dataDir, config.diskReserveBytes))
  if (folder.usable) {
    const holdsDatabase = isEmbedded
    yield* await guarded('file system', async () => checkFileSystem(dataDir, { holdsDatabase }))
    yield* await guarded('files', async () => [await checkFiles(dataDir)])
  }
  const installationId = folder.usable || !isEmbedded ? yield* checkContents(config) : undefined
  yield* await guarded('port', async () => checkListening(config.listen, installationId))
  yield* await guarded('certificate', async () => [await checkCertificate(config)])
  yield* await guarded('public address', async () => publicChecks(config, installationId))
  yield* checkDoors(config)
  if (config.htpasswdFile !== undefined) yield await checkHtpasswd(config.htpasswdFile)
  if (config.adminPasswordFile !== undefined)
    yield await checkPasswordFile(config.adminPasswordFile)
  yield* checkSignIn(config, originOf(config))
}

/** What lies in the database and the storage; returns the id of the installation. */
async function* checkContents(config: Config): AsyncGenerator<Check, string | undefined> {
  const database = await lookAtDatabase(config)
  yield* database.checks
  if (!database.usable) return undefined
  await using metadata = await openMetadata(config, { migrate: false })
  if (!config.open) {
    yield* await guarded('administrator', async () => [await checkAdministrator(metadata)])
  }
  yield* await guarded('clock', async () => [await checkClock(metadata)])
  yield* await guarded('storage', async () => checkStorage(config, metadata))
  for (const [name, check] of keepingChecks(config, metadata)) yield* await guarded(name, check)
  return await findSetting(metadata, 'installation-id')
}

/** A check that cannot be made is a finding, and the others still count. */
async function guarded(
  name: string,
  check: () => Promise<readonly Check[]>,
): Promise<readonly Check[]> {
  try {
    return await check()
  } catch (error) {
    return [problem(name, `This could not be checked: ${reasonOf(error)}.`, 'carrel doctor --json')]
  }
}

async function lookAtDatabase(
  config: Config,
): Promise<{ readonly checks: readonly Check[]; readonly usable: boolean }> {
  const name = 'database'
  try {
    if (!(await hasInstallation(config))) {
      const { why = '' } = noInstallation(config)
      return { checks: [warning(name, `There is none yet: ${why}.`, 'carrel up')], usable: false }
    }
    const state = await inspectDatabase(config, 'quick')
    const checks = checkDatabase(state)
    const { pending, unknown, damage, unsafe } = state
    const isUsable = [pending, unknown, damage].every((list) => list.length === 0)
    return { checks, usable: isUsable && !unsafe.includes('fsync = off') }
  } catch (error) {
    const fix =
      config.metadata.dialect === 'sqlite'
        ? `ls -l ${shellWord(config.dataDir)}`
        : 'psql "$CARREL_METADATA_URL" -c "select version()"'
    return { checks: [problem(name, `It cannot be used: ${reasonOf(error)}.`, fix)], usable: false }
  }
}

const spotBlobs = 20
const spotBytes = 2 * 1024 * 1024 * 1024

async function checkStorage(config: Config, metadata: MetadataStore): Promise<readonly Check[]> {
  await using storage = await openBlobs(config.dataDir)
  await storage.blobs.probe()
  const probed = ok('storage', 'writes, syncs and gives back')
  const deps = { metadata, blobs: storage.blobs }
  const { blobs, problems } = await spotCheck(deps, { blobs: spotBlobs, maxBytes: spotBytes })
  const [first] = problems
  if (first === undefined) return [probed, ok('blobs', `${blobs} taken at random are whole`)]
  const message = `${problems.length} of ${blobs} taken at random are not whole. ${first.digest ?? ''}: ${first.message}`
  return [probed, problem('blobs', message, 'carrel fsck --deep')]
}

async function checkCertificate({ tls, listen, publicUrl, dataDir }: Config): Promise<Check> {
  const hosts = new Set<string>()
  if (publicUrl?.protocol === 'https:') hosts.add(publicUrl.hostname.replace(/^\[|\]$/g, ''))
  const everywhere = ['', '0.0.0.0', '::'].includes(listen.host)
  if (!everywhere && !isLoopbackHost(listen.host)) hosts.add(listen.host)
  if (tls.mode === 'files') return checkCertificateFiles(tls, [...hosts])
  return checkOwnCertificate(join(dataDir, 'tls'), [...hosts, 'localhost'])
}
