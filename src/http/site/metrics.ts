// /metrics for Prometheus. It tells how much there is and how it is used, so it is for administrators of the
// installation; CARREL_METRICS_LISTEN opens an address of its own for those who scrape without a login.
import type { Routes } from '../route.ts'

export interface MetricsDeps {
  /** Of all threads of this process. */
  readonly metricsText: () => Promise<string>
}

export const metricsMediaType = 'text/plain; version=0.0.4; charset=utf-8'

export function metricsRoutes({ metricsText }: MetricsDeps): Routes<'metrics'> {
  return {
    GET: {
      needs: () => ({ action: 'admin', resource: { type: 'installation' } }),
      async run() {
        const body = await metricsText()
        return {
          status: 200,
          headers: {
            'content-type': metricsMediaType,
            'content-length': Buffer.byteLength(body),
            'cache-control': 'no-store',
          },
          body,
        }
      },
    },
  }
}
