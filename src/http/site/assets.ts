// The files of the pages. They are text of this program, in a fixed list: no path of a request ever reaches a disk.
import { createHash } from 'node:crypto'
import { accountScript } from './account-script.ts'
import { copyScript } from './copy-script.ts'
import { deviceScript } from './device-script.ts'
import { favicon } from './favicon.ts'
import { setupScript } from './setup-script.ts'
import { signInScript } from './sign-in-script.ts'
import { accountStyle } from './style-account.ts'
import { controlStyle } from './style-controls.ts'
import { style } from './style.ts'

export interface Asset {
  readonly type: string
  readonly bytes: Buffer
  readonly etag: string
}

export const assets: ReadonlyMap<string, Asset> = new Map([
  ['carrel.css', asset('text/css; charset=utf-8', `${style}\n${controlStyle}\n${accountStyle}`)],
  ['account.js', asset('text/javascript; charset=utf-8', accountScript)],
  ['copy.js', asset('text/javascript; charset=utf-8', copyScript)],
  ['device.js', asset('text/javascript; charset=utf-8', deviceScript)],
  ['setup.js', asset('text/javascript; charset=utf-8', setupScript)],
  ['sign-in.js', asset('text/javascript; charset=utf-8', signInScript)],
  ['favicon.svg', asset('image/svg+xml', favicon)],
])

function asset(type: string, text: string): Asset {
  const bytes = Buffer.from(text)
  const hash = createHash('sha256').update(bytes).digest('base64url')
  return { type, bytes, etag: `"${hash}"` }
}
