// /api/v1/device: what a program without a browser asks (after RFC 8628). It gets a code for the person and a secret for
// itself, asks again and again, and gets a token once.
import { pollDevice, startDevice } from '../../access/device-login.ts'
import { createRequestLimit } from '../../access/request-limit.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { HttpError } from '../http-error.ts'
import { jsonReply, type Reply } from '../reply.ts'
import type { HttpRequest } from '../request.ts'
import { nothing, type Call, type Routes } from '../route.ts'
import { readTexts } from './read-json.ts'

export interface DeviceFlowDeps {
  readonly metadata: MetadataStore
}

const uncached = { 'cache-control': 'no-store' }
const limit = { what: 'device codes', most: 20, windowMs: 10 * 60_000 }

export function deviceStartRoutes(deps: DeviceFlowDeps): Routes<'device-start'> {
  const starts = createRequestLimit(deps.metadata, limit)
  return {
    POST: {
      needs: nothing,
      async run(call) {
        requireLogins(call)
        const { host } = await readTexts(call.request, ['host'])
        await starts.take(call.request.peer.address)
        return start(deps, call.request, host)
      },
    },
  }
}

async function start(deps: DeviceFlowDeps, request: HttpRequest, host: string): Promise<Reply> {
  const { origin, peer, headers } = request
  const { address } = peer
  const asked = { host: host === '' ? undefined : host, address, userAgent: headers['user-agent'] }
  const { deviceCode, userCode, expiresAt, intervalSeconds } = await startDevice(deps, asked)
  const started = {
    deviceCode,
    userCode,
    verificationUri: `${origin}/device`,
    verificationUriComplete: `${origin}/device?code=${userCode}`,
    expiresIn: Math.floor((expiresAt - Date.now()) / 1000),
    interval: intervalSeconds,
  }
  return jsonReply(200, started, uncached)
}

export function deviceTokenRoutes(deps: DeviceFlowDeps): Routes<'device-token'> {
  return {
    POST: {
      needs: nothing,
      async run(call) {
        requireLogins(call)
        const { deviceCode } = await readTexts(call.request, ['deviceCode'])
        const answer = await pollDevice(deps, deviceCode, call.request.peer)
        switch (answer.state) {
          case 'waiting':
            return jsonReply(202, { state: 'waiting' }, uncached)
          case 'refused':
            throw new HttpError(403, 'The sign-in was refused.')
          case 'expired':
            throw new HttpError(
              410,
              'Nobody agreed in time, or the answer was taken already. Begin again.',
            )
          case 'agreed':
            return jsonReply(200, tokenOf(answer.token), uncached)
        }
      },
    },
  }
}

/** @throws {HttpError} 403 */
function requireLogins({ identity }: Call): void {
  if (identity.kind === 'open')
    throw new HttpError(403, 'There is no login here, and none is needed.')
}

type Agreed = Extract<Awaited<ReturnType<typeof pollDevice>>, { readonly state: 'agreed' }>

/** `name` is whose it is. */
function tokenOf({ id, secret, owner, expiresAt }: Agreed['token']) {
  return {
    id,
    token: secret,
    name: owner.name,
    ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt).toISOString() }),
  }
}
