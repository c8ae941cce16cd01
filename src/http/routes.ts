// All routes of all APIs in one table: what is not here does not exist, and every entry declares what it needs.
import type { SecondFactorGate } from '../access/second-factor-gate.ts'
import type { DecisionWatch } from '../access/decision-watch.ts'
import type { Authenticator } from '../auth/authenticate.ts'
import type { TokenIssuer } from '../auth/bearer.ts'
import type { LoginGate } from '../auth/check-password.ts'
import type { PasswordPool } from '../auth/password-pool.ts'
import type { AuditEntry } from '../metadata/audit.ts'
import type { MetadataStore } from '../metadata/metadata-store.ts'
import type { UploadTickets } from '../registry/upload-ticket.ts'
import type { BlobStore } from '../storage/blob-store.ts'
import type { UseLeases } from '../collection/lease-of-use.ts'
import type { DoorEvent } from './events.ts'
import type { Registry2Answers } from './registry2/answers.ts'
import { createUrlRule } from './registry2/manifest-urls.ts'
import { withoutDeletes } from './registry2/no-deletes.ts'
import type { RouteTable } from './route.ts'
import { accountRoutes } from './site/account.ts'
import { deviceStartRoutes, deviceTokenRoutes } from './site/device-flow.ts'
import { deviceRoutes } from './site/device.ts'
import { liveRoutes, readyRoutes, type HealthDeps } from './site/health.ts'
import { metricsRoutes, type MetricsDeps } from './site/metrics.ts'
import { assetRoutes, homeRoutes, setupPageRoutes } from './site/pages.ts'
import { providerAnswerRoutes, providerLoginRoutes, type OidcLogin } from './site/oidc-routes.ts'
import { setupRoutes } from './site/setup.ts'
import { loginCodeRoutes, loginRoutes, logoutRoutes } from './site/sign-in.ts'
import { authorityRoutes, trustScriptRoutes, type TrustDeps } from './site/trust.ts'
import { tokenRoutes } from './token/token.ts'
import { baseRoutes, extensionRoutes } from './v2/base.ts'
import { blobRoutes } from './v2/blobs.ts'
import { catalogRoutes } from './v2/catalog.ts'
import { manifestRoutes } from './v2/manifests.ts'
import { referrerRoutes } from './v2/referrers.ts'
import { tagRoutes } from './v2/tags.ts'
import { uploadRoutes, uploadStartRoutes } from './v2/uploads.ts'

export interface RouteDeps extends TrustDeps, MetricsDeps, Pick<HealthDeps, 'space' | 'readOnly'> {
  readonly metadata: MetadataStore
  readonly blobs: BlobStore
  readonly tickets: UploadTickets
  readonly authenticator: Authenticator
  readonly issuer: TokenIssuer
  readonly passwords: PasswordPool
  readonly gate: LoginGate
  readonly secondFactors: SecondFactorGate
  /** The OpenID Connect providers that people sign in with. */
  readonly oidc: readonly OidcLogin[]
  readonly emit: (event: DoorEvent) => void
  readonly audit: (entry: AuditEntry) => void
  readonly watch?: DecisionWatch | undefined
  readonly auditPulls?: boolean
  readonly draining: () => boolean
  /** What registry:2's configuration says, where there is one. */
  readonly registry2?: Registry2Answers | undefined
  /** What a client was told is there stays for a while. */
  readonly leases?: UseLeases | undefined
}

export function createRoutes(deps: RouteDeps): RouteTable {
  const uploads = { ...deps, uploaded: deps.emit }
  const forgetPrincipal = (id: number) => deps.authenticator.forgetPrincipal(id)
  const signIn = { ...deps, loggedIn: deps.emit, providers: deps.oidc, forgetPrincipal }
  const { registry2 } = deps
  const listed = { ...deps, listing: registry2 }
  const routes: RouteTable = {
    base: baseRoutes(),
    catalog: catalogRoutes(listed),
    extensions: extensionRoutes(),
    tags: tagRoutes(listed),
    manifest: manifestRoutes({
      ...deps,
      pushed: deps.emit,
      auditPull: deps.auditPulls === true ? deps.audit : undefined,
      urls: createUrlRule(registry2?.manifestUrls),
    }),
    blob: blobRoutes({ ...deps, damaged: deps.emit }),
    uploads: uploadStartRoutes(uploads),
    upload: uploadRoutes(uploads),
    referrers: referrerRoutes(deps),
    token: tokenRoutes({ ...deps, loggedIn: deps.emit }),
    livez: liveRoutes(),
    readyz: readyRoutes(deps),
    metrics: metricsRoutes(deps),
    authority: authorityRoutes(deps),
    'trust-script': trustScriptRoutes(deps),
    home: homeRoutes(deps),
    'setup-page': setupPageRoutes(deps),
    setup: setupRoutes(deps),
    asset: assetRoutes(),
    login: loginRoutes(signIn),
    'login-code': loginCodeRoutes(signIn),
    'provider-login': providerLoginRoutes(signIn),
    'provider-answer': providerAnswerRoutes(signIn),
    logout: logoutRoutes(signIn),
    account: accountRoutes(deps),
    device: deviceRoutes(deps),
    'device-start': deviceStartRoutes(deps),
    'device-token': deviceTokenRoutes(deps),
  }
  return registry2?.deletes === false ? withoutDeletes(routes) : routes
}
