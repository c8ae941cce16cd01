// crane (go-containerregistry): one PATCH with a length per blob; speaks HTTP to loopback where TLS is
// not answered.
import { join } from 'node:path'
import { readFile } from 'node:fs/promises'
import { runOk, runProgram } from '../support/processes.ts'
import type { Environment } from '../support/processes.ts'
import type { Client } from './client.ts'
import { makeImageLayout } from './image-layout.ts'
import type { Place } from './place.ts'
import { programPath } from './programs.ts'

/** crane has no flag for an authority: Go takes the file from here instead of the system's. */
export function craneEnv({ env, caFile }: Place): Environment {
  return caFile === undefined ? env : { ...env, SSL_CERT_FILE: caFile }
}

export const crane: Client = {
  name: 'crane',
  programs: ['crane'],
  version: async () => (await runOk(programPath('crane'), ['version'])).stdout.trim(),
  async open(place) {
    const { folder, host, image } = place
    const program = programPath('crane')
    const env = craneEnv(place)
    const run = async (...args: string[]) => runOk(program, args, { env })
    const layout = await makeImageLayout(join(folder, 'layout'), 40_000)
    const digestInLayout = async (path: string) => {
      const index = JSON.parse(await readFile(join(path, 'index.json'), 'utf8')) as {
        manifests: { digest: string }[]
      }
      return index.manifests[0]?.digest ?? ''
    }
    return {
      async login(password) {
        await runOk(program, ['auth', 'login', host, '-u', 'admin', '--password-stdin'], {
          env,
          input: password,
        })
        // `auth login` only writes a file.
        return runProgram(program, ['catalog', host], { env })
      },
      async push() {
        await run('push', layout.archive, image('app:one'))
        return image('app:one')
      },
      async pull(name) {
        await run('pull', '--format=oci', name, join(folder, 'pulled'))
        return digestInLayout(join(folder, 'pulled'))
      },
      async index() {
        await run('push', '--index', layout.folder, image('app:all'))
        await run('pull', '--format=oci', image('app:all'), join(folder, 'pulled-index'))
        return {
          image: image('app:all'),
          pulledDigest: await digestInLayout(join(folder, 'pulled-index')),
        }
      },
      async mount(name) {
        await run('copy', name, image('second:one'))
        return image('second:one')
      },
      remove: async (name) => void (await run('delete', name)),
    }
  },
}
