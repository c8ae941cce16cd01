// The variables by which OpenTelemetry is told where traces go. Nothing is sent unless one of the first two says so.
import type { Environment } from './raw.ts'

export interface TelemetrySettings {
  /** Where spans are posted: …/v1/traces. */
  readonly url: string
  /** Often with a secret. */
  readonly headers: Readonly<Record<string, string>>
  readonly serviceName: string
  /** Of requests that come without a trace, this part begins one. */
  readonly ratio: number
}

/** Undefined: no traces. @throws {Error} when the variables name something that cannot be used */
export function readTelemetry(env: Environment): TelemetrySettings | undefined {
  const exporters = env['OTEL_TRACES_EXPORTER']?.split(',').map((name) => name.trim())
  const endpoint = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] || env['OTEL_EXPORTER_OTLP_ENDPOINT']
  if (env['OTEL_SDK_DISABLED'] === 'true') return undefined
  const isWanted = exporters === undefined ? Boolean(endpoint) : exporters.includes('otlp')
  if (!isWanted) return undefined
  const protocol = env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] || env['OTEL_EXPORTER_OTLP_PROTOCOL']
  if (protocol === 'grpc') {
    throw new Error(
      'OTEL_EXPORTER_OTLP_PROTOCOL "grpc": traces are sent as OTLP over HTTP only. Set http/json, and the port of the collector for HTTP (4318).',
    )
  }
  return {
    url: urlOf(env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'], env['OTEL_EXPORTER_OTLP_ENDPOINT']),
    headers: headersIn(
      env['OTEL_EXPORTER_OTLP_TRACES_HEADERS'] || env['OTEL_EXPORTER_OTLP_HEADERS'] || '',
    ),
    serviceName: env['OTEL_SERVICE_NAME'] || 'carrel',
    ratio: ratioOf(env['OTEL_TRACES_SAMPLER'], env['OTEL_TRACES_SAMPLER_ARG']),
  }
}

/** Given for traces it is the whole address, else a base for all that OpenTelemetry sends. */
function urlOf(traces: string | undefined, base: string | undefined): string {
  const text = traces || `${(base || 'http://localhost:4318').replace(/\/+$/, '')}/v1/traces`
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text
  throw new Error(
    `OTEL_EXPORTER_OTLP_ENDPOINT: "${text.slice(0, 200)}" is no address. Write one like http://collector:4318.`,
  )
}

/** `a=1,b=x%20y` */
function headersIn(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(',').flatMap((pair) => {
    const at = pair.indexOf('=')
    if (at <= 0) return []
    return [[pair.slice(0, at).trim().toLowerCase(), decoded(pair.slice(at + 1).trim())] as const]
  })
  return Object.fromEntries(pairs)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function ratioOf(sampler: string | undefined, argument: string | undefined): number {
  if (sampler?.endsWith('always_off') === true) return 0
  if (sampler?.endsWith('traceidratio') !== true) return 1
  const ratio = Number(argument ?? 1)
  return ratio >= 0 && ratio <= 1 ? ratio : 1
}
