// regctl (regclient), told to send blobs in chunks of 64 KiB: many PATCHes with Content-Range, and an
// anonymous mount attempt before each blob.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runOk, runProgram } from '../support/processes.ts'
import type { Client } from './client.ts'
import { makeImageLayout } from './image-layout.ts'
import { expectRequests, watchRequests } from './place.ts'
import { programPath } from './programs.ts'

const chunk = 65_536
const layerBytes = 400_000

export const regctl: Client = {
  name: 'regctl',
  programs: ['regctl'],
  async version() {
    return (
      await runOk(programPath('regctl'), ['version', '--format', '{{.VCSTag}}'])
    ).stdout.trim()
  },
  async open(place) {
    const { folder, env, host, image, caFile } = place
    const program = programPath('regctl')
    const ownEnv = { ...env, REGCTL_CONFIG: join(folder, 'regctl.json') }
    const run = async (...args: string[]) => runOk(program, args, { env: ownEnv })
    const way =
      caFile === undefined
        ? ['--tls', 'disabled']
        : ['--tls', 'enabled', '--cacert', await readFile(caFile, 'utf8')]
    const chunks = ['--blob-chunk', String(chunk), '--blob-max', String(chunk)]
    await run('registry', 'set', host, '--skip-check', ...way, ...chunks)
    const layout = await makeImageLayout(join(folder, 'layout'), layerBytes)
    const from = (tag: string) => `ocidir://${layout.folder}:${tag}`
    const pulled = (tag: string) => `ocidir://${join(folder, 'pulled')}:${tag}`
    const digestOf = async (name: string) => (await run('image', 'digest', name)).stdout.trim()
    return {
      login: async (password) =>
        runProgram(program, ['registry', 'login', host, '-u', 'admin', '--pass-stdin'], {
          env: ownEnv,
          input: password,
        }),
      async push() {
        const watch = watchRequests(place)
        await run('image', 'copy', from('one'), image('app:one'))
        const expected = Math.floor(layerBytes / chunk)
        await expectRequests(watch, `Fewer than ${expected} chunks were sent`, (requests) => {
          return requests.filter(({ method }) => method === 'PATCH').length >= expected
        })
        return image('app:one')
      },
      async pull(name) {
        await run('image', 'copy', name, pulled('one'))
        return digestOf(pulled('one'))
      },
      async index() {
        await run('image', 'copy', from('multi'), image('app:all'))
        await run('image', 'copy', image('app:all'), pulled('all'))
        return { image: image('app:all'), pulledDigest: await digestOf(pulled('all')) }
      },
      async mount(name) {
        await run('image', 'copy', name, image('second:one'))
        return image('second:one')
      },
      remove: async (name) => void (await run('tag', 'delete', name)),
    }
  },
}
