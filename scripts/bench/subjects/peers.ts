// The registries that Carrel is measured beside, each with its own defaults but for the log, which is
// as quiet as Carrel's, and deletion, which is allowed.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hash } from 'bcryptjs'
import type { Environment } from '../../../test/support/processes.ts'
import type { Certificate } from '../certificate.ts'
import { launch, password, user, type Peer, type PeerOptions } from './subject.ts'

export interface Program {
  readonly name: string
  readonly title: string
  readonly command: string
}

/** What `htpasswd -B` takes when nobody says otherwise. */
const bcryptCost = 5

interface Setup extends PeerOptions {
  readonly folder: string
  readonly port: number
  readonly certificate: Certificate
}

type Configuration = Readonly<Record<string, unknown>>

/** distribution, versions 2 and 3. */
export function distributionPeer(env: Environment, program: Program): Peer {
  return peer(env, program, 'config.yml', ({ folder, port, certificate, htpasswd, tls }) => ({
    version: '0.1',
    log: { level: 'error', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: join(folder, 'data') },
      delete: { enabled: true },
    },
    http: {
      addr: `127.0.0.1:${port}`,
      secret: 'of one measurement',
      ...(tls && { tls: { certificate: certificate.certificateFile, key: certificate.keyFile } }),
    },
    ...(htpasswd && { auth: { htpasswd: { realm: 'bench', path: join(folder, 'htpasswd') } } }),
  }))
}

export function zotPeer(env: Environment, program: Program): Peer {
  return peer(env, program, 'config.json', ({ folder, port, certificate, htpasswd, tls }) => ({
    distSpecVersion: '1.1.1',
    storage: { rootDirectory: join(folder, 'data'), gc: false, dedupe: true },
    http: {
      address: '127.0.0.1',
      port: String(port),
      compat: ['docker2s2'],
      ...(tls && { tls: { cert: certificate.certificateFile, key: certificate.keyFile } }),
      ...(htpasswd && { auth: { htpasswd: { path: join(folder, 'htpasswd') } } }),
    },
    log: { level: 'error', output: join(folder, 'own-log') },
  }))
}

function peer(
  env: Environment,
  { name, title, command }: Program,
  file: string,
  configure: (setup: Setup) => Configuration,
): Peer {
  return {
    kind: 'peer',
    name,
    title,
    start: async (bench, options) =>
      launch(bench, name, {
        command,
        readyPath: '/v2/',
        tls: options.tls,
        async prepare(folder, port) {
          const { certificate } = bench
          const configuration = configure({ ...options, folder, port, certificate })
          // JSON is YAML too.
          await writeFile(join(folder, file), JSON.stringify(configuration))
          const line = `${user}:${await hash(password, bcryptCost)}\n`
          await writeFile(join(folder, 'htpasswd'), line)
          const { PATH, HOME } = env
          return {
            args: ['serve', join(folder, file)],
            env: { PATH, HOME, OTEL_TRACES_EXPORTER: 'none' },
          }
        },
      }),
  }
}
