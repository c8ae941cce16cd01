// http.prefix of registry:2: the API below a path, for a proxy in front that passes paths on as they are. What came under
// the prefix is answered under it; the root of the host goes on to work too.
import type { App } from '../app.ts'
import type { Reply } from '../reply.ts'

export function withPathPrefix(app: App, prefix: string | undefined): App {
  if (prefix === undefined) return app
  return {
    async handle(request, requestId) {
      if (!request.path.startsWith(prefix)) return app.handle(request, requestId)
      const path = request.path.slice(prefix.length - 1)
      const reply = await app.handle({ ...request, path }, requestId)
      return prefixed(reply, prefix.slice(0, -1), request.origin)
    },
  }
}

/** Where an answer says where to go on. */
function prefixed(reply: Reply, prefix: string, origin: string): Reply {
  const { location, link, 'www-authenticate': challenge, ...headers } = reply.headers ?? {}
  return {
    ...reply,
    headers: {
      ...headers,
      'docker-distribution-api-version': 'registry/2.0',
      ...(location !== undefined && { location: moved(String(location), prefix) }),
      ...(link !== undefined && { link: String(link).replace(/^<\//, `<${prefix}/`) }),
      ...(challenge !== undefined && {
        'www-authenticate': String(challenge).replace(
          `"${origin}/token"`,
          `"${origin}${prefix}/token"`,
        ),
      }),
    },
  }
}

const moved = (location: string, prefix: string): string =>
  location.startsWith('/') ? `${prefix}${location}` : location
