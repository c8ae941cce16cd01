// A server on a free loopback port for one test, over an application or a function from request to reply.
import { X509Certificate } from 'node:crypto'
import type { TestContext } from 'node:test'
import { issueAuthority, issueLeaf } from '../../certificates/issue.ts'
import type { App } from '../app.ts'
import type { Reply } from '../reply.ts'
import type { HttpRequest } from '../request.ts'
import {
  createServer,
  type Certificate,
  type RegistryServer,
  type ServerOptions,
} from '../server.ts'

export interface TestServer {
  readonly server: RegistryServer
  readonly port: number
  /** PEM of the authority that clients must trust. */
  readonly ca: string
  readonly tlsRefusals: string[]
}

export interface IssuedCertificate extends Certificate {
  readonly ca: string
}

export async function aCertificate(name = 'localhost'): Promise<IssuedCertificate> {
  const now = new Date()
  const authority = await issueAuthority('test', now)
  const leaf = await issueLeaf(
    { certificate: new X509Certificate(authority.certificatePem), keyPem: authority.keyPem },
    { dnsNames: [name, 'localhost'], addresses: ['127.0.0.1'] },
    now,
  )
  return { key: leaf.keyPem, cert: leaf.certificatePem, ca: authority.certificatePem }
}

export async function aServer(
  t: TestContext,
  app: App | ((request: HttpRequest) => Promise<Reply>),
  options: Partial<ServerOptions> = {},
): Promise<TestServer> {
  const { ca, ...certificate } = await aCertificate()
  const tlsRefusals: string[] = []
  const server = createServer({
    app: typeof app === 'function' ? { handle: app } : app,
    plainHttp: 'loopback',
    localOnly: false,
    certificate,
    tlsRefused: (address) => tlsRefusals.push(address),
    idPrefix: 'test',
    trustedProxies: [],
    publicOrigin: undefined,
    ...options,
  })
  const { port } = await server.listen({ host: '127.0.0.1', port: 0, reusePort: false })
  t.after(async () => server.drain(0))
  return { server, port, ca, tlsRefusals }
}
