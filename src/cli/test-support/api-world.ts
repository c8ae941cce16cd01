// The real management API over SQLite for tests of commands, in this process and behind a real TLS socket.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import type { Config } from '../../config/config.ts'
import type { Identity } from '../../auth/identity.ts'
import { inProcessTransport } from '../../http/api/in-process.ts'
import { problemReply } from '../../http/api/problem-reply.ts'
import { anApi, identityOf, type TestApi } from '../../http/api/test-support/api.ts'
import { aServer } from '../../http/test-support/server.ts'
import type { ApiClient } from '../../contract/client.ts'
import { createApiClient } from '../../contract/client.ts'
import { createWorld, runCli, type RunOptions, type Said } from '../test-support.ts'

export interface ApiWorld {
  readonly app: TestApi
  /** What the operator would call directly. */
  readonly operator: ApiClient
  readonly closed: () => number
  /** What was opened beside the data. */
  readonly opened: { readonly config: Config; readonly create: boolean }[]
  run(line: string, options?: RunOptions): Promise<Said>
}

export async function anApiWorld(t: TestContext): Promise<ApiWorld> {
  const app = await anApi(t)
  const identity: Identity = { kind: 'operator' }
  const transport = inProcessTransport(app.api, identity)
  let closed = 0
  const opened: ApiWorld['opened'] = []
  const composition = {
    ...createWorld().composition,
    async openApi(config: Config, { create }: { readonly create: boolean }) {
      opened.push({ config, create })
      const close = async () => void (closed += 1)
      return { transport, close }
    },
  }
  return {
    app,
    operator: createApiClient(transport),
    closed: () => closed,
    opened,
    run: async (line, options) => runCli(wordsOf(line), composition, options),
  }
}

/** `grant add user:ann web/ writer --reason 'on call'`: blanks within quotes stay. */
function wordsOf(line: string): readonly string[] {
  return Array.from(line.matchAll(/'([^']*)'|(\S+)/g), ([, quoted, plain]) => quoted ?? plain ?? '')
}

export interface RemoteApi {
  /** As in https://localhost:5443. */
  readonly origin: string
  /** File with the authority of its certificate. */
  readonly caFile: string
  /** Authorization headers that came. */
  readonly seen: (string | undefined)[]
}

/** The API behind TLS, where everybody with a token is `who`. */
export async function serveApi(t: TestContext, app: TestApi, who: string): Promise<RemoteApi> {
  const seen: (string | undefined)[] = []
  const { port, ca } = await aServer(t, async (request) => {
    const { authorization } = request.headers
    seen.push(authorization)
    const identity = await identityOf(app, authorization === undefined ? 'anonymous' : who)
    return app.api
      .handle(request, async () => identity)
      .catch((error: unknown) => problemReply(error, 'request-1'))
  })
  const folder = await aFolder(t)
  const caFile = join(folder, 'ca.crt')
  await writeFile(caFile, ca)
  return { origin: `https://localhost:${port}`, caFile, seen }
}

export async function aFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'carrel-cli-'))
  t.after(async () => rm(folder, { recursive: true, force: true }))
  return folder
}
