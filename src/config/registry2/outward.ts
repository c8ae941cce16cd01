// What the registry asks of others: notifications.endpoints and proxy.
import { Secret } from '../secret.ts'
import { isTree, type Tree, type Value } from './decode.ts'
import { nameAt, numberAt, switchAt, textAt, treeAt, treesAt, type Reading } from './section.ts'
import type { NotificationEndpoint, NotificationsConfig, ProxyConfig } from './types.ts'

const defaults = { timeoutMs: 1000, threshold: 10, backoffMs: 1000 }
const defaultTtlMs = 168 * 3_600_000

export function readNotifications(reading: Reading): NotificationsConfig {
  const endpoints = treesAt(reading, 'notifications.endpoints').map((endpoint, index) =>
    endpoint['disabled'] === true ? undefined : readEndpoint(reading, endpoint, index),
  )
  return {
    includeReferences: switchAt(reading, 'notifications.events.includereferences') ?? false,
    endpoints: endpoints.filter((endpoint) => endpoint !== undefined),
  }
}

function readEndpoint(
  reading: Reading,
  endpoint: Tree,
  index: number,
): NotificationEndpoint | undefined {
  const name = textOf(endpoint['name'])
  const called = name === '' ? String(index) : `"${name}"`
  const url = urlOf(textOf(endpoint['url']))
  if (url === undefined) {
    const where = nameAt(reading, `notifications.endpoints.${index}.url`)
    reading.problem(
      `${where}: the endpoint ${called} needs a url that begins with http:// or https://`,
    )
    return undefined
  }
  const ignore = isTree(endpoint['ignore']) ? endpoint['ignore'] : {}
  return {
    name,
    url,
    headers: headersOf(endpoint['headers']),
    timeoutMs: msOf(endpoint['timeout']) ?? defaults.timeoutMs,
    threshold: countOf(endpoint['threshold']) ?? defaults.threshold,
    backoffMs: msOf(endpoint['backoff']) ?? defaults.backoffMs,
    ignoredMediaTypes: [
      ...textsOf(endpoint['ignoredmediatypes']),
      ...textsOf(ignore['mediatypes']),
    ],
    ignoredActions: textsOf(ignore['actions']),
  }
}

export function readProxy(reading: Reading): ProxyConfig | undefined {
  const address = textAt(reading, 'proxy.remoteurl')
  if (address === undefined) return undefined
  const remoteUrl = urlOf(address)
  if (remoteUrl === undefined) {
    reading.problem(
      `${nameAt(reading, 'proxy.remoteurl')}: must begin with http:// or https://, such as https://registry-1.docker.io`,
    )
    return undefined
  }
  const username = textAt(reading, 'proxy.username')
  const password = textAt(reading, 'proxy.password')
  const command = textOf(treeAt(reading, 'proxy.exec')['command'])
  const lifetime = numberAt(reading, 'proxy.exec.lifetime')
  const exec = { command, ...(lifetime !== undefined && { lifetimeMs: lifetime / 1e6 }) }
  const ttl = numberAt(reading, 'proxy.ttl')
  return {
    remoteUrl,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password: new Secret(password) }),
    ...(command !== '' && { exec }),
    ttlMs: ttl === undefined ? defaultTtlMs : ttl > 0 ? ttl / 1e6 : Infinity,
  }
}

const textOf = (value: Value): string => (typeof value === 'string' ? value : '')

const textsOf = (value: Value): readonly string[] =>
  Array.isArray(value) ? (value as readonly Value[]).map(String) : []

/** Zero means the default, as in distribution. */
const msOf = (value: Value): number | undefined =>
  typeof value === 'number' && value > 0 ? value / 1e6 : undefined

const countOf = (value: Value): number | undefined =>
  typeof value === 'number' && value > 0 ? value : undefined

function urlOf(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url !== undefined && /^https?:$/.test(url.protocol) ? url : undefined
}

function headersOf(value: Value): NotificationEndpoint['headers'] {
  if (!isTree(value)) return []
  return Object.entries(value).map(([name, values]) => ({
    name,
    values: textsOf(values).map((each) => new Secret(each)),
  }))
}
