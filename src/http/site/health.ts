// /livez: the process answers. /readyz: requests may be sent here; 503 when not. Strangers hear what is the matter,
// administrators of the installation what was looked at and how it is. See health-report.ts.
import { decide } from '../../auth/authorize.ts'
import { jsonReply, type Reply } from '../reply.ts'
import { nothing, type Call, type Routes } from '../route.ts'
import { createHealth, type HealthDeps, type HealthReport } from './health-report.ts'

export type { HealthDeps } from './health-report.ts'

export function liveRoutes(): Routes<'livez'> {
  const route = { needs: nothing, run: async () => jsonReply(200, { status: 'alive' }) }
  return { GET: route, HEAD: route }
}

export function readyRoutes(deps: HealthDeps): Routes<'readyz'> {
  const report = createHealth(deps)
  const run = async (call: Call) => readyReply(await report(), maySeeAll(call))
  return { GET: { needs: nothing, run }, HEAD: { needs: nothing, run } }
}

function maySeeAll({ identity }: Call): boolean {
  const wanted = { action: 'admin', resource: { type: 'installation' } } as const
  return decide(identity, wanted, { repository: undefined }).allowed
}

export function readyReply({ status, checks }: HealthReport, detailed: boolean): Reply {
  const failed = checks.find((check) => check.status === 'failed')
  const degraded = checks.filter((check) => check.status === 'degraded').map(({ name }) => name)
  const body = {
    status,
    ...(failed?.message !== undefined && { message: failed.message }),
    ...(degraded.length > 0 && { degraded }),
    ...(detailed && { checks }),
  }
  const retry = failed === undefined ? {} : { 'retry-after': 5 }
  return jsonReply(failed === undefined ? 200 : 503, body, {
    'cache-control': 'no-store',
    ...retry,
  })
}
