// `--host`: which server on the network a command speaks to.
import { isLoopbackHost } from '../config/listen-address.ts'
import { usageError } from './cli-error.ts'

/**
 * The origin that is meant by `registry.example.com`, `localhost:5443`, `https://registry.example.com`.
 *
 * @throws {CliError} usage
 */
export function parseHost(text: string): string {
  const url = URL.parse(/^[a-z]+:\/\//i.test(text) ? text : `https://${text}`)
  const isOrigin =
    url !== null &&
    ['http:', 'https:'].includes(url.protocol) &&
    url.host !== '' &&
    `${url.pathname}${url.search}${url.hash}${url.username}${url.password}` === '/'
  if (!isOrigin) {
    // Somebody may have written a password before the @.
    const shown = text.slice(text.lastIndexOf('@') + 1).slice(0, 100)
    throw usageError(`--host "${shown}" is no address of a server`, {
      fix: '--host https://registry.example.com',
    })
  }
  if (url.protocol === 'https:' || isLoopbackHost(url.hostname.replace(/^\[|\]$/g, ''))) {
    return url.origin
  }
  throw usageError('tokens are not sent over plain HTTP', {
    why: 'whoever is on the way could read and use them',
    fix: `--host https://${url.host}`,
  })
}
