// cosign with a key pair of its own and no transparency log: push is signing, and the signature is a
// manifest whose subject is the image; pull is verifying, which finds it through the referrers API.
// crane brings the image.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runOk, runProgram } from '../support/processes.ts'
import type { Client } from './client.ts'
import { craneEnv } from './crane.ts'
import { makeImageLayout } from './image-layout.ts'
import { seeManifest, seeReferrers } from './place.ts'
import { programPath } from './programs.ts'

export const cosign: Client = {
  name: 'cosign',
  programs: ['cosign', 'crane'],
  async version() {
    const { output } = await runOk(programPath('cosign'), ['version'])
    return /GitVersion:\s*(\S+)/.exec(output)?.[1] ?? ''
  },
  async open(place) {
    const { folder, env, host, image, caFile } = place
    const program = programPath('cosign')
    const ownEnv = { ...env, COSIGN_PASSWORD: 'key password', COSIGN_YES: 'true' }
    const options = { env: ownEnv, cwd: folder }
    const run = async (...args: string[]) => runOk(program, args, options)
    const way = caFile === undefined ? ['--allow-http-registry'] : ['--registry-cacert', caFile]
    const offline = ['--use-signing-config=false', '--tlog-upload=false']
    const layout = await makeImageLayout(join(folder, 'layout'), 10_000)
    await run('generate-key-pair')
    await run('generate-key-pair', '--output-key-prefix', 'other')
    const unlogged = '--insecure-ignore-tlog=true'
    const verify = (key: string, name: string) => ['verify', '--key', key, unlogged, ...way, name]
    const atDigest = async (name: string) => {
      const seen = await seeManifest(place, name)
      return `${name.slice(0, name.lastIndexOf(':'))}@${seen?.digest}`
    }
    return {
      async login(password) {
        await runOk(program, ['login', host, '-u', 'admin', '--password-stdin'], {
          ...options,
          input: password,
        })
        // `login` only writes a file.
        return runProgram(programPath('crane'), ['catalog', host], { env: craneEnv(place) })
      },
      async push() {
        const name = image('app:one')
        await runOk(programPath('crane'), ['push', layout.archive, name], {
          env: craneEnv(place),
        })
        await run('sign', '--key', 'cosign.key', ...offline, ...way, await atDigest(name))
        assert.equal((await seeReferrers(place, name)).length, 1, 'the signature is no referrer')
        return name
      },
      async pull(name) {
        const { stdout } = await run(...verify('cosign.pub', name))
        const other = await runProgram(program, verify('other.pub', name), options)
        assert.notEqual(other.code, 0, 'a foreign key verifies the signature')
        const digest = /"docker-manifest-digest":\s*"([^"]+)"/.exec(stdout)?.[1]
        return digest ?? stdout
      },
      more: [
        {
          name: 'attestation',
          async run(name) {
            await writeFile(join(folder, 'predicate.json'), '{"tested":true}')
            const type = ['--type', 'https://carrel.test/predicate']
            const key = ['--key', 'cosign.key', '--predicate', 'predicate.json', ...type]
            await run('attest', ...key, ...offline, ...way, await atDigest(name))
            const check = ['--key', 'cosign.pub', unlogged, ...type]
            await run('verify-attestation', ...check, ...way, name)
            assert.equal((await seeReferrers(place, name)).length, 2)
          },
        },
        {
          name: 'signature by tag',
          async run(name) {
            const old = '--new-bundle-format=false'
            await run('sign', '--key', 'cosign.key', old, ...offline, ...way, await atDigest(name))
            const digest = (await seeManifest(place, name))?.digest ?? ''
            const tag = `${image('app')}:${digest.replace(':', '-')}.sig`
            assert.ok(await seeManifest(place, tag), `the registry does not have ${tag}`)
            await run(...verify('cosign.pub', name), old)
          },
        },
        {
          name: 'clean',
          async run(name) {
            await run('clean', '--force', ...way, name)
            assert.deepEqual(await seeReferrers(place, name), [])
          },
        },
      ],
    }
  },
}
