// The pages that a person sees before there is a user interface, and their files.
import { firstAdministrator } from '../../installation/first-administrator.ts'
import { HttpError } from '../http-error.ts'
import type { Reply } from '../reply.ts'
import { nothing, type Call, type Routes } from '../route.ts'
import { assets } from './assets.ts'
import { homePage } from './page-home.ts'
import { contextOf, pageReply, strictHeaders, type PageDeps } from './page-reply.ts'
import { setupPage } from './page-setup.ts'

export function homeRoutes(deps: PageDeps): Routes<'home'> {
  const run = async (call: Call) => pageReply(homePage(contextOf(deps, call)))
  return { GET: { needs: nothing, run }, HEAD: { needs: nothing, run } }
}

export function setupPageRoutes(deps: PageDeps): Routes<'setup-page'> {
  const run = async (call: Call) => {
    const context = contextOf(deps, call)
    return pageReply(setupPage({ ...context, user: firstAdministrator }))
  }
  return { GET: { needs: nothing, run }, HEAD: { needs: nothing, run } }
}

export function assetRoutes(): Routes<'asset'> {
  const run = async ({ target, request }: Call<{ resource: 'asset'; asset: string }>) =>
    assetReply(target.asset, request.headers['if-none-match'])
  return { GET: { needs: nothing, run }, HEAD: { needs: nothing, run } }
}

/** @throws {HttpError} 404 */
function assetReply(name: string, ifNoneMatch: string | undefined): Reply {
  const asset = assets.get(name)
  if (asset === undefined) throw new HttpError(404, 'There is nothing at this address.')
  const { type, bytes, etag } = asset
  // Asked for anew each time, and answered with 304: a page and its files are never of two versions.
  const headers = { ...strictHeaders, etag, 'cache-control': 'no-cache' }
  if (isHeld(ifNoneMatch, etag)) return { status: 304, headers }
  return {
    status: 200,
    headers: { ...headers, 'content-type': type, 'content-length': bytes.length },
    body: bytes,
  }
}

function isHeld(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  if (ifNoneMatch === '*') return true
  return ifNoneMatch.split(',').some((held) => held.trim().replace(/^W\//, '') === etag)
}
