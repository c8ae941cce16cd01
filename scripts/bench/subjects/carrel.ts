// Carrel from this checkout, as an operator starts it, on SQLite or on PostgreSQL.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startPostgres, withoutSettings } from '../../../test/support/start-registry.ts'
import type { Environment } from '../../../test/support/processes.ts'
import { version } from '../../../src/version.ts'
import type { Bench } from '../bench.ts'
import { launch, password, type CarrelSubject, type Installation } from './subject.ts'

const command = fileURLToPath(new URL('../../../carrel', import.meta.url))

export function carrelOnSqlite(env: Environment): CarrelSubject {
  return carrel(env, { name: 'carrel', title: `Carrel ${version}` }, async () => undefined)
}

/** Starts the database server, which goes on until the end of the run. */
export async function carrelOnPostgres(
  env: Environment,
  owned: AsyncDisposableStack,
): Promise<CarrelSubject> {
  const postgres = owned.use(await startPostgres())
  const [row] = await postgres.query('SHOW server_version')
  const title = `Carrel ${version} on PostgreSQL ${String(row?.['server_version'])}`
  let made = 0
  return carrel(env, { name: 'carrel-postgres', title }, async () => {
    made += 1
    const name = `bench_${made}`
    return {
      url: await postgres.createDatabase(name),
      async drop() {
        await postgres.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
      },
    }
  })
}

interface Database {
  readonly url: string
  readonly drop: () => Promise<void>
}

function carrel(
  env: Environment,
  named: { readonly name: string; readonly title: string },
  makeDatabase: () => Promise<Database | undefined>,
): CarrelSubject {
  return {
    kind: 'carrel',
    ...named,
    async install({ folder }) {
      const dataDir = await mkdtemp(join(folder, 'data-'))
      const database = await makeDatabase()
      return {
        dataDir,
        metadataUrl: database?.url,
        async [Symbol.asyncDispose]() {
          await database?.drop()
          await rm(dataDir, { recursive: true, force: true, maxRetries: 3 })
        },
      }
    },
    start: async (bench, installation) => start(env, bench, { ...named, installation }),
  }
}

async function start(
  env: Environment,
  bench: Bench,
  { name, installation }: { readonly name: string; readonly installation: Installation },
) {
  return launch(bench, name, {
    command,
    readyPath: '/readyz',
    tls: false,
    async prepare(folder, port) {
      const passwordFile = join(folder, 'admin-password')
      await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
      return {
        args: ['serve', '--listen', `127.0.0.1:${port}`, '--data', installation.dataDir],
        env: {
          ...withoutSettings(env),
          CARREL_ADMIN_PASSWORD_FILE: passwordFile,
          CARREL_METADATA_URL: installation.metadataUrl,
          CARREL_TLS_CERT: bench.certificate.certificateFile,
          CARREL_TLS_KEY: bench.certificate.keyFile,
        },
      }
    },
  })
}
