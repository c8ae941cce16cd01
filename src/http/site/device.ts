// /device: a person lets a program in. What the program itself asks is in device-flow.ts.
import { agreeDevice, findDevice, refuseDevice } from '../../access/device-login.ts'
import { Refusal } from '../../access/refusal.ts'
import type { PrincipalIdentity } from '../../auth/identity.ts'
import { createLoginThrottle } from '../../auth/login-throttle.ts'
import type { MetadataStore } from '../../metadata/metadata-store.ts'
import { OciError } from '../../oci/errors.ts'
import { HttpError } from '../http-error.ts'
import { jsonReply, type Reply } from '../reply.ts'
import { self, type Call, type Routes } from '../route.ts'
import { devicePage } from './page-device.ts'
import { problemPage } from './page-problem.ts'
import { contextOf, pageReply, type PageDeps } from './page-reply.ts'
import { readTexts } from './read-json.ts'

export interface DeviceDeps extends PageDeps {
  readonly metadata: MetadataStore
}

/** Who guesses at codes of others uses up attempts of their own. @throws {OciError} TOOMANYREQUESTS */
type Guess = <T>(
  asker: { readonly name: string; readonly address: string },
  work: () => Promise<T | undefined>,
) => Promise<T | undefined>

export function deviceRoutes(deps: DeviceDeps): Routes<'device'> {
  const guess = limitedGuess(deps)
  const show = async (call: Call) =>
    showDevice(deps, call, guess).catch((error: unknown) => tooManyPage(deps, call, error))
  return {
    GET: { needs: self, run: show },
    HEAD: { needs: self, run: show },
    POST: { needs: self, run: async (call) => takeAnswer(deps, call, guess) },
  }
}

async function showDevice(deps: DeviceDeps, call: Call, guess: Guess): Promise<Reply> {
  const { name } = requireSession(call)
  const typed = call.request.query.get('code') ?? undefined
  const asker = { name, address: call.request.peer.address }
  const device =
    typed === undefined ? undefined : await guess(asker, async () => findDevice(deps, typed))
  const context = contextOf(deps, call)
  return pageReply(devicePage({ ...context, user: name, typed, device, now: Date.now() }))
}

function tooManyPage(deps: DeviceDeps, call: Call, error: unknown): Reply {
  if (!(error instanceof OciError) || error.code !== 'TOOMANYREQUESTS') throw error
  const page = { title: 'Too many wrong codes', why: error.message, again: '/device' }
  return pageReply(problemPage({ ...contextOf(deps, call), ...page }), 429)
}

/** @throws {HttpError} 403, 404; {OciError} TOOMANYREQUESTS */
async function takeAnswer(deps: DeviceDeps, call: Call, guess: Guess): Promise<Reply> {
  const { id, name } = requireSession(call)
  const { address } = call.request.peer
  const { code, answer } = await readTexts(call.request, ['code', 'answer'])
  if (answer !== 'agree' && answer !== 'refuse') {
    throw new HttpError(400, 'The answer must be "agree" or "refuse".')
  }
  const give = answer === 'agree' ? agreeDevice : refuseDevice
  const given = await guess({ name, address }, async () => {
    const device = await findDevice(deps, code)
    if (device !== undefined) await give(deps, { id, name, address }, code).catch(gone)
    return device
  })
  if (given === undefined) throw nobodyWaits()
  return jsonReply(200, { state: answer === 'agree' ? 'agreed' : 'refused' }, uncached)
}

const uncached = { 'cache-control': 'no-store' }

/**
 * A person at a browser: a token must not get itself another one that lasts longer.
 *
 * @throws {HttpError} 403
 */
function requireSession({ identity }: Call): PrincipalIdentity {
  if (identity.kind === 'principal' && identity.session !== undefined) return identity
  throw new HttpError(
    403,
    'A program is let in by a person: sign in with a browser, and open /device there.',
  )
}

function limitedGuess({ metadata }: DeviceDeps): Guess {
  const throttle = createLoginThrottle({ metadata })
  return async ({ name, address }, work) => {
    const attempt = { account: `device codes of ${name}`, address, knownClient: false }
    const reservation = await throttle.reserve(attempt)
    if (!reservation.allowed) throw tooMany(reservation.retryAfterSeconds)
    try {
      const found = await work()
      if (found !== undefined) await reservation.withdrawn()
      return found
    } catch (error) {
      await reservation.withdrawn()
      throw error
    }
  }
}

function tooMany(retryAfterSeconds: number): OciError {
  return new OciError('TOOMANYREQUESTS', {
    message: `Too many codes that no program waits with. Wait ${retryAfterSeconds} seconds, then try again.`,
    detail: { retryAfterSeconds },
  })
}

/** Answered by somebody else in the same moment. */
function gone(error: unknown): never {
  throw error instanceof Refusal && error.kind === 'not-found' ? nobodyWaits() : error
}

function nobodyWaits(): HttpError {
  return new HttpError(
    404,
    'No program waits with this code. It was mistyped, answered before, or is older than 10 minutes: run carrel login again.',
  )
}
