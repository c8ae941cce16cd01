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
import { createPasswordPool } from './auth/password-pool.ts'
import { isHostPort, trustScript } from './certificates/trust-script.ts'
import { createApp } from './http/app.ts'
import { createAuthenticateRequest } from './http/authenticate-request.ts'
import type { DoorEvent } from './http/events.ts'
import { createRequestLog } from './http/request-log.ts'
import { createRoutes } from './http/routes.ts'
import { createServer, type RegistryServer } from './http/server.ts'
import { createPrincipalDirectory } from './installation/principal-directory.ts'
import { followSigningKeys } from './installation/signing-keys.ts'
import { ensureTotpKey } from './installation/totp-key.ts'
import { openPostgres } from './metadata/dialects/postgres.ts'
import { openSqlite } from './metadata/dialects/sqlite.ts'
import type { WorkerSettings } from './process/worker-settings.ts'
import { createUploadTickets } from './registry/upload-ticket.ts'
import { composeSignIn, lazily } from './compose-sign-in.ts'
import { databaseFile, openBlobs } from './compose-stores.ts'

/** Everything that one worker thread serves with. */
export async function createRegistryServer(
  settings: WorkerSettings,
  emit: (event: DoorEvent) => void,
): Promise<{ readonly server: RegistryServer; readonly close: () => Promise<void> }> {
  const metadata =
    settings.metadata.dialect === 'sqlite'
      ? await openSqlite({
          file: join(settings.dataDir, databaseFile),
          turn: settings.metadata.turn,
          logIndex: settings.metadata.logIndex,
        })
      : await openPostgres(settings.metadata)
  const storage = await openBlobs(settings.dataDir)
  const passwords = createPasswordPool({ threads: 1, queueLimit: 64 })
  const log = createRequestLog(settings.log)
  const uses = createUseRecorder(metadata, { warn: log.warn })
  const audit = createAuditCollector(metadata, { warn: log.warn })
  const issuer = createTokenIssuer({
    keys: settings.identity.signingKeys,
    installationId: settings.identity.id,
    lifetimeMs: settings.tokenLifetimeMs,
  })
  const keys = followSigningKeys(metadata, issuer, log.warn)
  const { htpasswdFile, open } = settings
  const elsewhere = open ? { ...settings, singleSignOnFile: undefined } : settings
  const signIn = await composeSignIn(elsewhere, { metadata, warn: log.warn })
  const gate = createLoginGate({ metadata, audit: audit.add })
  const totpKey = lazily(async () => ensureTotpKey(settings.dataDir))
  const authenticator = createAuthenticator({
    tokens: issuer,
    principals: createPrincipalDirectory(metadata),
    passwords,
    gate,
    external: signIn.external,
    federate: signIn.federate,
    htpasswd:
      htpasswdFile === undefined ? undefined : await openHtpasswd(htpasswdFile, { warn: log.warn }),
    warn: log.warn,
  })
  let draining = false
  const routes = createRoutes({
    metadata,
    blobs: storage.blobs,
    tickets: createUploadTickets(settings.identity.uploadSecret, settings.uploadExpiryMs),
    authenticator,
    issuer,
    passwords,
    gate,
    secondFactors: createSecondFactorGate({ metadata, totpKey, audit: audit.add }),
    oidc: signIn.oidc,
    emit,
    audit: audit.add,
    draining: () => draining,
    authorityPem: () => settings.authorityPem,
    trustScript: (hostPort) => trustScriptOf(settings, hostPort),
  })
  const openIdentity: Identity = { kind: 'open' }
  const authenticate = open
    ? async () => openIdentity
    : createAuthenticateRequest({ authenticator, metadata })
  const watch = createDecisionWatch(uses, audit.add)
  const app = createApp({
    metadata,
    routes,
    authenticate,
    service: settings.identity.id,
    log,
    api: lazily(async () => {
      const { createApi } = await import('./http/api/api.ts')
      const { forgetPrincipal, forgetToken } = authenticator
      const { idTokens } = signIn
      const forget = { forgetPrincipal, forgetToken }
      return createApi({
        metadata,
        passwords,
        gate,
        idTokens,
        totpKey: await totpKey(),
        watch,
        ...forget,
      })
    }),
    watch,
  })
  const server = createServer({
    app,
    certificate: settings.certificate,
    plainHttp: settings.plainHttp,
    localOnly: settings.open,
    trustedProxies: settings.trustedProxies,
    publicOrigin: settings.publicOrigin,
    tlsRefused: (address) => emit({ kind: 'tls-refused', address }),
    idPrefix: settings.name,
  })
  return {
    server: {
      ...server,
      async drain(graceMs) {
        draining = true
        await server.drain(graceMs)
      },
    },
    async close() {
      keys[Symbol.dispose]()
      await uses.close()
      await audit.close()
      await passwords.close()
      await storage[Symbol.asyncDispose]()
      await metadata[Symbol.asyncDispose]()
    },
  }
}

function trustScriptOf(settings: WorkerSettings, hostPort: string): string | undefined {
  const { authorityPem, authorityFingerprint: fingerprint } = settings
  if (authorityPem === undefined || fingerprint === undefined || !isHostPort(hostPort))
    return undefined
  return trustScript({ hostPort, authorityPem, fingerprint })
}
