// The management API and the token service of a started registry, as tests of access ask them.
import { createApiClient, type ApiClient } from '../../src/contract/client.ts'
import { basic } from './start-registry.ts'
import { createWire, type Answer, type Wire } from './access-wire.ts'

export type { ApiClient } from '../../src/contract/client.ts'
export { basic } from './start-registry.ts'

/** With Basic or Bearer, as whoever that is. */
export function apiOf({ url }: { readonly url: string }, authorization: string): ApiClient {
  return createApiClient(async ({ method, path, headers, body }) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { ...headers, authorization },
      ...(body !== undefined && { body }),
    })
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: await response.text(),
    }
  })
}

export async function collect<T>(pages: AsyncIterable<T>): Promise<readonly T[]> {
  const items: T[] = []
  for await (const item of pages) items.push(item)
  return items
}

/** A user whose password is `passwordOf` the name. */
export async function addUser(api: ApiClient, name: string): Promise<string> {
  const password = passwordOf(name)
  await api.call('users.create', { name, password })
  return password
}

export function passwordOf(name: string): string {
  return `green tea for ${name}`
}

/** A registry token for the scopes, or what was answered instead. */
export async function askToken(
  wire: Wire,
  authorization: string,
  ...scopes: readonly string[]
): Promise<{ readonly answer: Answer; readonly bearer: string | undefined }> {
  const query = new URLSearchParams()
  for (const scope of scopes) query.append('scope', scope)
  const answer = await wire.ask('GET', `/token?${query.toString()}`, { authorization })
  if (answer.status !== 200) return { answer, bearer: undefined }
  const { token } = JSON.parse(answer.body.toString()) as { token: string }
  return { answer, bearer: `Bearer ${token}` }
}

/** @throws {Error} when there is none */
export async function registryToken(
  port: number,
  credentials: readonly [user: string, password: string],
  ...scopes: readonly string[]
): Promise<string> {
  using wire = createWire(port)
  const { answer, bearer } = await askToken(wire, basic(...credentials), ...scopes)
  if (bearer === undefined) throw new Error(`/token: ${answer.status} ${answer.body.toString()}`)
  return bearer
}
