// oras: whole blobs by PUT, referrers, and mounts by `oras cp` inside one registry.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import assert from 'node:assert/strict'
import { runOk, runProgram } from '../support/processes.ts'
import type { Client } from './client.ts'
import { makeImageLayout } from './image-layout.ts'
import { seeReferrers } from './place.ts'
import { programPath } from './programs.ts'

const artifactType = 'application/vnd.carrel.test'

export const oras: Client = {
  name: 'oras',
  programs: ['oras'],
  async version() {
    const { stdout } = await runOk(programPath('oras'), ['version'])
    return `v${/Version:\s*(\S+)/.exec(stdout)?.[1] ?? ''}`
  },
  async open(place) {
    const { folder, env, host, image, caFile } = place
    const program = programPath('oras')
    const run = async (...args: string[]) => runOk(program, args, { env, cwd: folder })
    const way = (prefix: string) =>
      caFile === undefined ? [`--${prefix}plain-http`] : [`--${prefix}ca-file`, caFile]
    const layout = await makeImageLayout(join(folder, 'layout'), 40_000)
    await writeFile(join(folder, 'notes.txt'), `made for ${host}\n`)
    const digestOf = async (...args: string[]) => (await run('resolve', ...args)).stdout.trim()
    return {
      login: async (password) =>
        runProgram(program, ['login', host, ...way(''), '-u', 'admin', '--password-stdin'], {
          env,
          input: password,
        }),
      async push() {
        const name = image('notes:one')
        await run('push', ...way(''), '--artifact-type', artifactType, name, 'notes.txt:text/plain')
        return name
      },
      async pull(name) {
        await mkdir(join(folder, 'pulled'))
        await run('pull', ...way(''), '-o', join(folder, 'pulled'), name)
        const files = ['notes.txt', join('pulled', 'notes.txt')]
        const [sent, came] = await Promise.all(files.map((file) => readFile(join(folder, file))))
        assert.deepEqual(came, sent)
        // `oras pull` names no digest of its own: a copy into a layout does.
        const copy = `${join(folder, 'pulled-layout')}:one`
        await run('cp', ...way('from-'), '--to-oci-layout', name, copy)
        return digestOf('--oci-layout', copy)
      },
      async index() {
        const name = image('app:all')
        await run('cp', '--from-oci-layout', ...way('to-'), `${layout.folder}:multi`, name)
        const copy = `${join(folder, 'pulled-layout')}:all`
        await run('cp', ...way('from-'), '--to-oci-layout', name, copy)
        return { image: name, pulledDigest: await digestOf('--oci-layout', copy) }
      },
      async mount(name) {
        await run('cp', ...way('from-'), ...way('to-'), name, image('second:one'))
        return image('second:one')
      },
      more: [
        {
          name: 'attach and discover',
          async run(name) {
            await writeFile(join(folder, 'bill.json'), '{"parts":[]}')
            const type = 'application/vnd.carrel.bill'
            await run('attach', ...way(''), '--artifact-type', type, name, 'bill.json:text/json')
            const found = await run('discover', ...way(''), '--format', 'json', name)
            const [referrer] = await seeReferrers(place, name)
            assert.equal(referrer?.artifactType, type)
            assert.ok(found.stdout.includes(referrer?.digest ?? 'no digest'), found.stdout)
          },
        },
      ],
      remove: async (name) => void (await run('manifest', 'delete', ...way(''), '--force', name)),
    }
  },
}
