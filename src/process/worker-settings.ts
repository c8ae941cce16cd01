// What a worker thread is started with and what it says: plain data, because it crosses threads.
import type { TelemetrySettings } from '../config/telemetry.ts'
import type { DoorEvent } from '../http/events.ts'
import type { Config } from '../config/config.ts'
import type { AddressRange } from '../http/origin.ts'
import type { Certificate } from '../http/server.ts'
import type { SigningKey } from '../auth/bearer.ts'
import type { Metric } from '../metrics/metric.ts'
import type { Registry2Serving } from './registry2-serving.ts'

export interface WorkerSettings {
  readonly name: string
  readonly listen: { readonly host: string; readonly port: number; readonly reusePort: boolean }
  readonly dataDir: string
  readonly metadata:
    | {
        readonly dialect: 'sqlite'
        readonly turn: SharedArrayBuffer
        /** A descriptor of the main thread: a worker that ends must not close one of its own. */
        readonly logIndex: number
      }
    | { readonly dialect: 'postgres'; readonly url: string; readonly maxConnections: number }
  readonly identity: {
    readonly id: string
    readonly uploadSecret: Uint8Array
    readonly signingKeys: readonly SigningKey[]
  }
  readonly certificate: Certificate
  readonly authorityPem: string | undefined
  readonly authorityFingerprint: string | undefined
  readonly publicOrigin: string | undefined
  readonly trustedProxies: readonly AddressRange[]
  readonly plainHttp: 'loopback' | 'everywhere'
  readonly open: false | 'local' | 'everyone'
  readonly htpasswdFile: string | undefined
  readonly singleSignOnFile: string | undefined
  readonly auditPulls: boolean
  readonly outboundAllow: readonly string[]
  readonly outboundAuthoritiesFile: string | undefined
  readonly tokenLifetimeMs: number
  readonly uploadExpiryMs: number
  readonly log: { readonly level: string; readonly toStdout: boolean; readonly asText: boolean }
  /** No changes are taken, whatever the switch says. */
  readonly readOnly: boolean
  readonly diskReserveBytes: number
  /** Absent: no traces. */
  readonly telemetry?: TelemetrySettings | undefined
  /** How long things stay that nothing needs. */
  readonly keep: Config['keep']
  /** Undefined where no configuration of registry:2 is read. */
  readonly registry2: Registry2Serving | undefined
}

export type ToWorker =
  | { readonly kind: 'certificate'; readonly certificate: Certificate }
  | { readonly kind: 'drain'; readonly graceMs: number }
  | { readonly kind: 'measure'; readonly round: number }
  | { readonly kind: 'metrics'; readonly request: number; readonly text: string }
  | { readonly kind: 'metrics'; readonly request: number; readonly failure: string }

export type FromWorker =
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'door'; readonly event: DoorEvent }
  | { readonly kind: 'measured'; readonly round: number; readonly metrics: readonly Metric[] }
  | { readonly kind: 'metrics-wanted'; readonly request: number }
  | { readonly kind: 'drained' }
