// The composition root: configuration in, running parts out. The only file that chooses drivers and dialects.
import { join } from 'node:path'
import { createDecisionWatch } from './access/decision-watch.ts'
import { createUseRecorder } from './access/last-use.ts'
import { createLoginGate } from './access/login-gate.ts'
import { createSecondFactorGate } from './access/second-factor-gate.ts'
import { createAuditCollector } from './audit/collector.ts'
import { createAuthenticator } from './auth/authenticate.ts'
import { createTokenIssuer } from './auth/bearer.ts'
import { openHtpasswd } from './auth/htpasswd.ts'
import type { Identity } from './auth/identity.ts'
import { createPasswordPool, type PasswordPool } from './auth/password-pool.ts'
import { isHostPort, trustScript } from './certificates/trust-script.ts'
import { textLine } from './cli/log-text.ts'
import { createUseLeases } from './collection/lease-of-use.ts'
import { createApp, type App } from './http/app.ts'
import { createAuthenticateRequest } from './http/authenticate-request.ts'
import type { DoorEvent } from './http/events.ts'
import { createChangeGuard } from './http/read-only.ts'
import { createRequestLog } from './http/request-log.ts'
import type { RouteTable } from './http/route.ts'
import { createRoutes } from './http/routes.ts'
import { withRegistry2 } from './http/registry2/with-registry2.ts'
import { createServer, type RegistryServer } from './http/server.ts'
import { createPrincipalDirectory } from './installation/principal-directory.ts'
import { giveRegistry2Rights } from './installation/registry2-rights.ts'
import { followSigningKeys } from './installation/signing-keys.ts'
import { ensureTotpKey } from './installation/totp-key.ts'
import type { AuditEntry } from './metadata/audit.ts'
import { openPostgres } from './metadata/dialects/postgres.ts'
import { openSqlite } from './metadata/dialects/sqlite.ts'
import type { MetadataStore } from './metadata/metadata-store.ts'
import type { Metric } from './metrics/metric.ts'
import type { WorkerSettings } from './process/worker-settings.ts'
import { createUploadTickets } from './registry/upload-ticket.ts'
import { createWorkerMetrics } from './compose-metrics.ts'
import { composeRegistry2 } from './compose-registry2.ts'
import { composeSignIn, lazily } from './compose-sign-in.ts'
import { openTracer, traced } from './compose-traces.ts'
import { databaseFile, openBlobs, openSpace } from './compose-stores.ts'

/** Everything that one worker thread serves with. */
export async function createRegistryServer(
  settings: WorkerSettings,
  outside: Outside,
): Promise<ComposedServer> {
  const parts = await openParts(settings, outside)
  const state = { draining: false }
  const routes = routesOf(settings, parts, { outside, draining: () => state.draining })
  const { registry2 } = settings
  const server = createServer({
    app: withRegistry2(appOf(settings, parts, routes), registry2?.answers),
    certificate: settings.certificate,
    plainHttp: settings.plainHttp,
    localOnly: settings.open === 'local',
    trustedProxies: settings.trustedProxies,
    publicOrigin: settings.publicOrigin,
    tlsRefused: (address) => parts.emit({ kind: 'tls-refused', address }),
    idPrefix: settings.name,
    metrics: traced(parts.measured.http, parts.tracer),
    secure: registry2?.secure,
    headers: registry2?.answers.headers,
  })
  async function drain(graceMs: number): Promise<void> {
    state.draining = true
    await server.drain(graceMs)
  }
  return {
    server: { ...server, drain },
    close: async () => closeParts(parts),
    measure: parts.measured.metrics,
  }
}

type Parts = Awaited<ReturnType<typeof openParts>>

async function openParts(settings: WorkerSettings, outside: Outside) {
  const measured = createWorkerMetrics(settings.name)
  const metadata = await openDatabase(settings)
  const storage = await openBlobs(settings.dataDir, measured.storage.observe)
  const passwords = createPasswordPool({ threads: 1, queueLimit: 64 })
  const { level, toStdout, asText } = settings.log
  const log = createRequestLog({
    level,
    toStdout,
    asText: asText ? textLine : undefined,
    fields: settings.registry2?.logFields,
  })
  const { warn } = log
  const uses = createUseRecorder(metadata, { warn })
  const collector = createAuditCollector(metadata, { warn })
  const audit = { ...collector, add: measured.auditing(collector.add) }
  const space = openSpace(settings)
  return {
    measured,
    emit: measured.emitting(outside.emit),
    metadata,
    storage,
    passwords,
    log,
    uses,
    tracer: await openTracer(settings, warn),
    audit,
    space,
    guard: createChangeGuard({ metadata, readOnly: settings.readOnly, space }),
    door: await openDoor(settings, { metadata, passwords, warn, audit: audit.add }),
    watch: createDecisionWatch(uses, audit.add),
    outward: await composeRegistry2(settings, { metadata, warn }),
  }
}

async function closeParts(parts: Parts): Promise<void> {
  parts.measured[Symbol.dispose]()
  await parts.tracer?.[Symbol.asyncDispose]()
  parts.door.keys[Symbol.dispose]()
  await parts.outward[Symbol.asyncDispose]()
  await parts.uses.close()
  await parts.audit.close()
  await parts.passwords.close()
  await parts.storage[Symbol.asyncDispose]()
  await parts.metadata[Symbol.asyncDispose]()
}

function routesOf(
  settings: WorkerSettings,
  parts: Parts,
  { outside, draining }: { readonly outside: Outside; readonly draining: () => boolean },
): RouteTable {
  const { metadata, door } = parts
  const routes = createRoutes({
    metadata,
    blobs: parts.storage.blobs,
    tickets: createUploadTickets(settings.identity.uploadSecret, settings.uploadExpiryMs),
    authenticator: door.authenticator,
    issuer: door.issuer,
    passwords: parts.passwords,
    gate: door.gate,
    secondFactors: door.secondFactors,
    oidc: door.signIn.oidc,
    emit: parts.emit,
    audit: parts.audit.add,
    watch: parts.watch,
    auditPulls: settings.auditPulls,
    draining,
    registry2: settings.registry2?.answers,
    metricsText: outside.metricsText,
    space: parts.space,
    readOnly: settings.readOnly,
    leases: createUseLeases(metadata, settings.keep),
    authorityPem: () => settings.authorityPem,
    trustScript: (hostPort) => trustScriptOf(settings, hostPort),
  })
  return parts.outward.routes(routes)
}

function appOf(settings: WorkerSettings, parts: Parts, routes: RouteTable): App {
  const { metadata, passwords, guard, watch, outward, door } = parts
  const { authenticator, gate, signIn } = door
  return createApp({
    metadata,
    routes,
    authenticate: outward.authenticate(
      settings.open ? async () => anybody : createAuthenticateRequest({ authenticator, metadata }),
    ),
    service: outward.tokenService?.service ?? settings.identity.id,
    realm: outward.tokenService?.realm,
    log: parts.log,
    guard,
    api: lazily(async () => {
      const { createApi } = await import('./http/api/api.ts')
      return createApi({
        metadata,
        passwords,
        gate,
        watch,
        guard,
        idTokens: signIn.idTokens,
        audience: audienceOf(settings),
        auditFolder: settings.dataDir,
        collection: { blobs: parts.storage.blobs, keep: settings.keep },
        totpKey: await door.totpKey(),
        forgetPrincipal: (id) => authenticator.forgetPrincipal(id),
        forgetToken: (id) => authenticator.forgetToken(id),
      })
    }),
    watch,
  })
}

/** What is outside of a worker thread. */
export interface Outside {
  readonly emit: (event: DoorEvent) => void
  /** The metrics of all threads. */
  readonly metricsText: () => Promise<string>
}

export interface ComposedServer {
  readonly server: RegistryServer
  readonly close: () => Promise<void>
  /** What this thread has counted. */
  readonly measure: () => readonly Metric[]
}

async function openDatabase({ metadata, dataDir }: WorkerSettings): Promise<MetadataStore> {
  if (metadata.dialect === 'postgres') return openPostgres(metadata)
  const { turn, logIndex } = metadata
  return openSqlite({ file: join(dataDir, databaseFile), turn, logIndex })
}

const anybody: Identity = { kind: 'open' }

/** All that finds out who asks. */
async function openDoor(settings: WorkerSettings, { metadata, passwords, warn, audit }: DoorDeps) {
  const issuer = createTokenIssuer({
    keys: settings.identity.signingKeys,
    installationId: settings.identity.id,
    lifetimeMs: settings.tokenLifetimeMs,
  })
  const { htpasswdFile, open } = settings
  const elsewhere = open ? { ...settings, singleSignOnFile: undefined } : settings
  const signIn = await composeSignIn(elsewhere, { metadata, warn })
  const gate = createLoginGate({ metadata, audit })
  const authenticator = createAuthenticator({
    tokens: issuer,
    principals: createPrincipalDirectory(metadata, {
      htpasswdUserMade: settings.registry2?.htpasswdRights ? giveRegistry2Rights : undefined,
    }),
    passwords,
    gate,
    external: signIn.external,
    federate: signIn.federate,
    htpasswd: htpasswdFile === undefined ? undefined : await openHtpasswd(htpasswdFile, { warn }),
    warn,
  })
  const totpKey = lazily(async () => ensureTotpKey(settings.dataDir))
  return {
    issuer,
    authenticator,
    gate,
    signIn,
    secondFactors: createSecondFactorGate({ metadata, totpKey, audit }),
    /** Undefined where it is damaged: then there are no second factors to manage. */
    totpKey: async () =>
      totpKey().catch((error: unknown) => {
        warn(String(error))
        return undefined
      }),
    keys: followSigningKeys(metadata, issuer, warn),
  }
}

interface DoorDeps {
  readonly metadata: MetadataStore
  readonly passwords: PasswordPool
  readonly warn: (message: string) => void
  readonly audit: (entry: AuditEntry) => void
}

/** Without a public address there is none that all clients use. */
function audienceOf({ publicOrigin }: WorkerSettings): (() => string) | undefined {
  return publicOrigin === undefined ? undefined : () => publicOrigin
}

function trustScriptOf(settings: WorkerSettings, hostPort: string): string | undefined {
  const { authorityPem, authorityFingerprint: fingerprint } = settings
  if (authorityPem === undefined || fingerprint === undefined || !isHostPort(hostPort))
    return undefined
  return trustScript({ hostPort, authorityPem, fingerprint })
}
