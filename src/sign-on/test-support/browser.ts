// As much of a browser as a sign-in needs: follows redirects and keeps cookies, at the provider alone.
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { request as requestTls } from 'node:https'

const maxRedirects = 10

/**
 * Opens the page and follows its redirects until one leads to another origin, which is not opened: that
 * is where the provider sends the browser back to.
 */
export async function signInAt(url: URL, ca?: string): Promise<URL> {
  const cookies = new Map<string, string>()
  let at = url
  for (let count = 0; count < maxRedirects; count++) {
    const response = await get(at, cookies, ca)
    for (const line of response.headers['set-cookie'] ?? []) keep(cookies, line)
    const { location } = response.headers
    if (location === undefined) {
      const body = await textOf(response)
      throw new Error(`${at.pathname} answered ${response.statusCode}: ${body.slice(0, 500)}`)
    }
    response.resume()
    at = new URL(location, at)
    if (at.origin !== url.origin) return at
  }
  throw new Error(`${url.origin} does not stop to redirect.`)
}

async function get(
  url: URL,
  cookies: ReadonlyMap<string, string>,
  ca: string | undefined,
): Promise<IncomingMessage> {
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const options = { headers: { cookie, accept: 'text/html' }, agent: false, timeout: 10_000 }
  return await new Promise((resolve, reject) => {
    const outgoing =
      url.protocol === 'https:'
        ? requestTls(url, { ...options, ...(ca === undefined ? {} : { ca }) }, resolve)
        : request(url, options, resolve)
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${url.origin} does not answer.`)))
    outgoing.on('error', reject)
    outgoing.end()
  })
}

function keep(cookies: Map<string, string>, line: string): void {
  const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
  if (value === '' || /expires=Thu, 01 Jan 1970/i.test(line)) cookies.delete(name)
  else cookies.set(name, value)
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk)
  return text
}
