// Traces, where the environment says where they go: through the one client for addresses that somebody configured.
import { readFile } from 'node:fs/promises'
import type { TelemetrySettings } from './config/telemetry.ts'
import type { HttpMetrics } from './metrics/http-metrics.ts'
import type { Tracer } from './metrics/traces.ts'
import type { WorkerSettings } from './process/worker-settings.ts'
import { version } from './version.ts'

/** Undefined where no traces are wanted; then nothing of it is loaded. */
export async function openTracer(
  settings: Pick<
    WorkerSettings,
    'name' | 'telemetry' | 'outboundAllow' | 'outboundAuthoritiesFile'
  >,
  warn: (message: string) => void,
): Promise<Tracer | undefined> {
  const { name, telemetry } = settings
  if (telemetry === undefined) return undefined
  const { createTracer } = await import('./metrics/traces.ts')
  const post = await openPost(telemetry, settings)
  const { serviceName, ratio } = telemetry
  return createTracer({ serviceName, version, thread: name, ratio, post, warn })
}

async function openPost(
  { url, headers }: TelemetrySettings,
  {
    outboundAllow,
    outboundAuthoritiesFile: file,
  }: Pick<WorkerSettings, 'outboundAllow' | 'outboundAuthoritiesFile'>,
): Promise<(json: string) => Promise<void>> {
  const { createOutbound } = await import('./outbound/outbound.ts')
  const { hostname, port, protocol } = new URL(url)
  // Whoever sets the address in the environment of the server means it, in whatever network it is.
  const place = `${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`
  const certificateAuthorities = file === undefined ? undefined : await readFile(file, 'utf8')
  const { fetch } = createOutbound({
    allow: [...outboundAllow, place],
    timeoutMs: 5000,
    ...(certificateAuthorities !== undefined && { certificateAuthorities }),
  })
  return async (json) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: json,
    })
    if (!response.ok) throw new Error(`the collector answered ${response.status}`)
  }
}

/** Counts as before, and tells the tracer. */
export function traced(metrics: HttpMetrics, tracer: Tracer | undefined): HttpMetrics {
  if (tracer === undefined) return metrics
  return {
    ...metrics,
    ended(began, request) {
      metrics.ended(began, request)
      tracer.ended((performance.now() - began) / 1000, request)
    },
  }
}
