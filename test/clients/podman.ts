// podman and buildah: the same commands but for the way in which an image comes to be.
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { runOk, runProgram } from '../support/processes.ts'
import type { Client, Session } from './client.ts'
import { writeContainersSettings } from './containers-tools.ts'
import { makeImageLayout, otherArchitecture } from './image-layout.ts'
import { seeManifest } from './place.ts'
import type { Place } from './place.ts'
import { programPath } from './programs.ts'

type Run = (...args: string[]) => Promise<string>
/** Makes an image with content of its own in the local storage and returns its name. */
type MakeImage = (options: {
  readonly place: Place
  readonly run: Run
  readonly name: string
  readonly forOtherPlatform: boolean
}) => Promise<string>

export const podman = clientOf('podman', async ({ place, run, name, forOtherPlatform }) => {
  await makeImageLayout(join(place.folder, `layout-${name}`), 40_000)
  // podman makes a name of the path, and the temporary folder's has capital letters.
  const tag = forOtherPlatform ? 'other' : 'one'
  const id = await run('pull', '--quiet', `oci:layout-${name}:${tag}`)
  await run('tag', id, `localhost/made:${name}`)
  return `localhost/made:${name}`
})

export const buildah = clientOf('buildah', async ({ place, run, name, forOtherPlatform }) => {
  await writeFile(join(place.folder, 'data.bin'), randomBytes(40_000))
  const platform = forOtherPlatform ? ['--arch', otherArchitecture] : []
  const container = await run('from', ...platform, 'scratch')
  await run('copy', '--quiet', container, join(place.folder, 'data.bin'), '/data.bin')
  await run('commit', '--quiet', '--rm', container, `localhost/made:${name}`)
  return `localhost/made:${name}`
})

function clientOf(name: string, makeImage: MakeImage): Client {
  return {
    name,
    programs: [name],
    needsRoot: true,
    async version() {
      const { stdout } = await runOk(programPath(name), ['--version'])
      return /version (\S+)/.exec(stdout)?.[1] ?? ''
    },
    open: async (place) => openSession(programPath(name), place, makeImage),
  }
}

async function openSession(program: string, place: Place, makeImage: MakeImage): Promise<Session> {
  const { folder, host, image } = place
  const { env, way } = await writeContainersSettings(place)
  const run: Run = async (...args) =>
    (await runOk(program, args, { env, cwd: folder })).stdout.trim()
  const make = async (name: string, forOtherPlatform = false) =>
    makeImage({ place, run, name, forOtherPlatform })
  const one = await make('one')
  const pushed = async (...args: string[]) => {
    await run(...args)
    return (await readFile(join(folder, 'digest'), 'utf8')).trim()
  }
  const digestFile = ['--digestfile', join(folder, 'digest')]
  return {
    login: async (password) =>
      runProgram(program, ['login', ...way(), '-u', 'admin', '--password-stdin', host], {
        env,
        input: password,
      }),
    async push() {
      await run('push', '--quiet', ...way(), one, `docker://${image('app:one')}`)
      return image('app:one')
    },
    async pull(name) {
      await run('rmi', '--force', await run('images', '--quiet', one))
      await run('pull', '--quiet', ...way(), name)
      await run('tag', name, one)
      const table = await run('images', '--digests', name)
      return /sha256:[0-9a-f]{64}/.exec(table)?.[0] ?? table
    },
    async index() {
      const name = image('app:all')
      const other = await make('other', true)
      await run('manifest', 'create', 'both')
      await run('manifest', 'add', 'both', `containers-storage:${one}`)
      const arch = ['--arch', otherArchitecture]
      await run('manifest', 'add', ...arch, 'both', `containers-storage:${other}`)
      const target = ['both', `docker://${name}`]
      const digest = await pushed('manifest', 'push', '--all', ...digestFile, ...way(), ...target)
      await run('manifest', 'rm', 'both')
      // By digest, so that podman itself compares what it gets.
      await run('pull', '--quiet', ...way(), `${image('app')}@${digest}`)
      return { image: name, pulledDigest: digest }
    },
    async mount() {
      await run('push', '--quiet', ...way(), one, `docker://${image('second:one')}`)
      return image('second:one')
    },
    more: [
      {
        name: 'docker schema 2',
        async run() {
          const name = image('formats:docker')
          await run('push', '--quiet', '--format', 'v2s2', ...way(), one, `docker://${name}`)
          const seen = await seeManifest(place, name)
          assert.equal(seen?.mediaType, 'application/vnd.docker.distribution.manifest.v2+json')
        },
      },
      {
        name: 'zstd layers',
        async run() {
          const name = image('zstd:one')
          // One that was not pushed yet: these tools would take the layers that are there.
          const fresh = await make('fresh')
          const format = ['--format', 'oci', '--compression-format', 'zstd']
          await run('push', '--quiet', ...format, ...way(), fresh, `docker://${name}`)
          const layers = JSON.stringify((await seeManifest(place, name))?.body['layers'])
          assert.match(layers, /\+zstd/)
          await run('rmi', '--force', await run('images', '--quiet', fresh))
          await run('pull', '--quiet', ...way(), name)
        },
      },
    ],
  }
}
