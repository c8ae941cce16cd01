// How people and docker reach the server from this machine.
import type { Config } from '../config/config.ts'
import { formatAddress, isLoopbackHost } from '../config/listen-address.ts'

type Reach = Pick<Config, 'listen' | 'publicUrl'>

/** What docker is given: `localhost:5443`, or the public host. `port` is the one that was really bound. */
export function registryOf({ listen, publicUrl }: Reach, port = listen.port): string {
  if (publicUrl !== undefined) return publicUrl.host
  return formatAddress({ host: isHere(listen.host) ? 'localhost' : listen.host, port })
}

/**
 * What a browser is given. On this machine that is plain HTTP: nothing leaves the machine, and the first thing
 * a new user sees is not the browser's warning about a certificate that it cannot know yet.
 */
export function originOf(config: Reach, port = config.listen.port): string {
  if (config.publicUrl !== undefined) return config.publicUrl.origin
  const scheme = isHere(config.listen.host) ? 'http' : 'https'
  return `${scheme}://${registryOf(config, port)}`
}

/** The key stands in the fragment, which browsers never send: no proxy and no log sees it. */
export function setupUrl(origin: string, key: string): string {
  return `${origin}/setup#k=${key}`
}

const everyAddress = new Set(['', '0.0.0.0', '::'])

function isHere(host: string): boolean {
  return everyAddress.has(host) || host === '127.0.0.1' || host === '::1' || isLocalName(host)
}

const isLocalName = (host: string): boolean => /[a-z]/i.test(host) && isLoopbackHost(host)
