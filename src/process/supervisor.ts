// A serving process from start to end: takes the data folder, prepares the installation, starts the workers, keeps,
// and drains on SIGTERM or SIGINT. The main thread serves no requests.
import { availableParallelism, networkInterfaces } from 'node:os'
import type { ServeEvent, StartFacts } from '../cli/serve-events.ts'
import type { ServeOptions } from '../cli/composition.ts'
import { originOf, registryOf } from '../cli/addresses.ts'
import { sealAudit } from '../audit/seal.ts'
import { makeDurableFolder } from '../certificates/durable-file.ts'
import { createPasswordPool } from '../auth/password-pool.ts'
import type { Config } from '../config/config.ts'
import { formatAddress, isLoopbackHost } from '../config/listen-address.ts'
import type { DoorEvent } from '../http/events.ts'
import { ensureFirstAdministrator } from '../installation/first-administrator.ts'
import { introduceHtpasswdUsers } from '../installation/htpasswd-users.ts'
import { ensureTotpKey } from '../installation/totp-key.ts'
import { accessUpkeep } from '../installation/upkeep.ts'
import { ensureIdentity } from '../installation/identity.ts'
import { requireSignIn } from '../compose-sign-in.ts'
import { openBlobs, openMetadata, openSharedLogIndex, openSpace } from '../compose-stores.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import { countRepositories } from '../metadata/repositories.ts'
import { version } from '../version.ts'
import { adoptVolume } from './adopt-volume.ts'
import { followCertificate, type FollowedCertificate } from './certificate.ts'
import { lockData } from './data-lock.ts'
import { requireFreePort } from './free-port.ts'
import { startKeeper } from './keeper.ts'
import { keepingUpkeep } from './keeping-upkeep.ts'
import { registry2Serving } from './registry2-serving.ts'
import { reserveTask } from './reserve-file.ts'
import { takeOverHtpasswd } from './take-over-htpasswd.ts'
import { startWatching } from './watching.ts'
import { startWorkers } from './workers.ts'
import type { WorkerSettings } from './worker-settings.ts'

const mostWorkers = 16
const connectionsOfPostgres = 8

/** Runs until a signal has drained it; returns the exit code. */
export async function serve(config: Config, options: ServeOptions): Promise<number> {
  const started = performance.now()
  const stopped = signalled()
  const warn = (message: string) => options.onEvent({ kind: 'warning', message })

  await requireSignIn(config)
  await makeDurableFolder(config.dataDir)
  using _lock = config.metadata.dialect === 'sqlite' ? lockData(config.dataDir) : nothing
  // Whose turn it is to write, shared by this thread and the workers.
  const turn = new SharedArrayBuffer(4)
  await using metadata = await openMetadata(config, { migrate: true, turn, longLog: true })
  await using storage = await openBlobs(config.dataDir)
  await adoptVolume(config.dataDir, metadata, (event) => options.onEvent(event))
  const setup = await prepareInstallation(config, { metadata, terminal: options.terminal, warn })
  await using certificate = await followCertificate(config, warn)
  const port = await requireFreePort(config.listen.host, config.listen.port)
  const count =
    config.workers === 'auto' ? Math.min(availableParallelism(), mostWorkers) : config.workers
  const settings = await workerSettings(config, {
    certificate,
    port,
    shared: count > 1,
    options,
    metadata,
    turn,
  })
  const workers = await startWorkers(settings, count, (event) => options.onEvent(liveEvent(event)))
  certificate.onChange((changed) => workers.setCertificate(changed))
  const space = openSpace(config)
  const { blobs } = storage
  await using watching = await startWatching(config, { metadata, blobs, space, workers }).catch(
    async (error: unknown) => {
      await workers.terminate()
      throw error
    },
  )

  const { repositories, tags } = await countRepositories(metadata)
  const facts = factsOf(config, { port, setup, certificate, repositories, tags })
  const readySeconds = (performance.now() - started) / 1000
  options.onEvent({ kind: 'ready', facts: { ...facts, readySeconds } })

  await using _keeper = startKeeper({
    metadata,
    blobs: storage.blobs,
    uploadExpiryMs: config.uploadExpiryHours * 3_600_000,
    more: [
      reserveTask({ dataDir: config.dataDir, space, warn }),
      ...accessUpkeep(metadata, config.dataDir),
      ...keepingUpkeep({ config, metadata, blobs: storage.blobs, warn }),
    ],
    failed: (task, error) => warn(`The ${task} failed and will be tried again: ${String(error)}`),
  })
  await Promise.race([stopped, workers.failed]).catch(async (error: unknown) => {
    await workers.terminate()
    throw error
  })
  options.onEvent({ kind: 'draining', requests: 0, seconds: config.drainSeconds })
  watching.draining()
  await workers.drain(config.drainSeconds * 1000)
  await sealAudit(metadata).catch((error: unknown) =>
    warn(`The audit log will be sealed at the next start: ${String(error)}`),
  )
  return 0
}

/** What the screen or the log says first. */
function factsOf(
  config: Config,
  { port, setup, certificate, repositories, tags }: FactParts,
): Omit<StartFacts, 'readySeconds'> {
  const { authorityFingerprint } = certificate
  return {
    version,
    dataDir: config.dataDir,
    engines: `${config.metadata.dialect === 'sqlite' ? 'sqlite' : 'PostgreSQL'} + local disk`,
    firstStart: repositories === 0,
    origin: originOf(config, port),
    registry: registryOf(config, port),
    networkRegistries: networkRegistries(config, port),
    listen: formatAddress({ host: config.listen.host, port }),
    ...(setup.link !== undefined && { setup: setup.link }),
    ...(setup.generatedPassword !== undefined && {
      generated: { name: 'admin', password: setup.generatedPassword },
    }),
    ...(authorityFingerprint !== undefined && { authorityFingerprint }),
    open: config.open,
    repositories,
    tags,
    warnings: warningsOf(config),
  }
}

interface FactParts {
  readonly port: number
  readonly setup: Awaited<ReturnType<typeof prepareInstallation>>
  readonly certificate: FollowedCertificate
  readonly repositories: number
  readonly tags: number
}

/** What has to be there before anybody is served. */
async function prepareInstallation(
  config: Config,
  { metadata, terminal, warn }: PreparationParts,
): Promise<Partial<Awaited<ReturnType<typeof ensureFirstAdministrator>>>> {
  const passwords = createPasswordPool({ threads: 1, queueLimit: 8 })
  const isAdminTheirs = await takeOverHtpasswd(config, metadata, warn)
  const setup =
    config.open || isAdminTheirs
      ? {}
      : await ensureFirstAdministrator(
          { metadata, passwords },
          { passwordFile: config.adminPasswordFile, mayGenerate: terminal },
        )
  await passwords.close()
  // Made now, when a disk that is full would be seen. Without it people sign in all the same, but for second factors.
  await ensureTotpKey(config.dataDir).catch((error: unknown) => warn(String(error)))
  if (config.htpasswdFile !== undefined) await introduceHtpasswdUsers(metadata, config.htpasswdFile)
  return setup
}

interface PreparationParts {
  readonly metadata: MetadataStore
  readonly terminal: boolean
  readonly warn: (message: string) => void
}

const nothing: Disposable = { [Symbol.dispose]: () => undefined }

/** The first signal drains; a second one ends at once. */
async function signalled(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(130))
        resolve()
      })
    }
  })
}

async function workerSettings(
  config: Config,
  parts: {
    readonly certificate: FollowedCertificate
    readonly port: number
    readonly shared: boolean
    readonly options: ServeOptions
    readonly metadata: MetadataStore
    readonly turn: SharedArrayBuffer
  },
): Promise<WorkerSettings> {
  const { certificate, port, shared } = parts
  return {
    name: '',
    listen: { host: config.listen.host, port, reusePort: shared },
    dataDir: config.dataDir,
    metadata:
      config.metadata.dialect === 'sqlite'
        ? {
            dialect: 'sqlite',
            turn: parts.turn,
            logIndex: openSharedLogIndex(config.dataDir),
          }
        : {
            dialect: 'postgres',
            url: config.metadata.url.reveal(),
            maxConnections: connectionsOfPostgres,
          },
    identity: await ensureIdentity(parts.metadata),
    certificate: certificate.current(),
    authorityPem: certificate.authorityPem,
    authorityFingerprint: certificate.authorityFingerprint,
    publicOrigin: config.publicUrl?.origin,
    trustedProxies: config.trustedProxies,
    plainHttp: config.plainHttp,
    open: config.open,
    htpasswdFile: config.htpasswdFile,
    singleSignOnFile: config.singleSignOnFile,
    auditPulls: config.auditPulls,
    outboundAllow: config.outboundAllow,
    outboundAuthoritiesFile: config.outboundAuthoritiesFile,
    tokenLifetimeMs: config.tokenLifetimeMinutes * 60_000,
    uploadExpiryMs: config.uploadExpiryHours * 3_600_000,
    log: {
      level: config.log.level,
      toStdout: parts.options.logs !== 'screen',
      asText: parts.options.logs === 'text',
    },
    readOnly: config.readOnly,
    diskReserveBytes: config.diskReserveBytes,
    telemetry: parts.options.telemetry,
    keep: config.keep,
    registry2: await registry2Serving(config),
  }
}

function networkRegistries({ listen, open }: Config, port: number): readonly string[] {
  if (open || isLoopbackHost(listen.host)) return []
  const everywhere = listen.host === '' || listen.host === '0.0.0.0' || listen.host === '::'
  if (!everywhere) return [formatAddress({ host: listen.host, port })]
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return addresses
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => formatAddress({ host: address, port }))
}

function warningsOf(config: Config): readonly string[] {
  if (config.plainHttp === 'loopback') return []
  return [
    'Plain HTTP is answered to everybody (CARREL_PLAIN_HTTP): passwords can be read on the way.',
  ]
}

function liveEvent(event: DoorEvent): ServeEvent {
  return event.kind === 'damaged' ? { kind: 'warning', message: event.message } : event
}
