// skopeo: one PATCH with a length per blob, HEAD on the source before a mount.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runOk, runProgram } from '../support/processes.ts'
import type { Client } from './client.ts'
import { writeContainersSettings } from './containers-tools.ts'
import { makeImageLayout } from './image-layout.ts'
import { programPath } from './programs.ts'

export const skopeo: Client = {
  name: 'skopeo',
  programs: ['skopeo'],
  async version() {
    return (await runOk(programPath('skopeo'), ['--version'])).stdout.trim().split(' ').at(-1) ?? ''
  },
  async open(place) {
    const { folder, host, image } = place
    const program = programPath('skopeo')
    const { env, way } = await writeContainersSettings(place)
    const run = async (...args: string[]) => runOk(program, args, { env, cwd: folder })
    const layout = await makeImageLayout(join(folder, 'layout'), 40_000)
    /** Returns the digest that skopeo tells of the copy. */
    const copy = async (...args: string[]) => {
      await run('copy', '--preserve-digests', '--digestfile', 'digest', ...args)
      return (await readFile(join(folder, 'digest'), 'utf8')).trim()
    }
    return {
      login: async (password) =>
        runProgram(program, ['login', ...way(), '-u', 'admin', '--password-stdin', host], {
          env,
          input: password,
        }),
      async push() {
        await copy(...way('dest-'), `oci:${layout.folder}:one`, `docker://${image('app:one')}`)
        return image('app:one')
      },
      pull: async (name) => copy(...way('src-'), `docker://${name}`, 'oci:pulled:one'),
      async index() {
        const name = `docker://${image('both:all')}`
        await copy('--all', ...way('dest-'), `oci:${layout.folder}:multi`, name)
        const pulledDigest = await copy('--all', ...way('src-'), name, 'oci:pulled:all')
        return { image: image('both:all'), pulledDigest }
      },
      async mount(name) {
        const second = image('second:one')
        await copy(...way('src-'), ...way('dest-'), `docker://${name}`, `docker://${second}`)
        return second
      },
      remove: async (name) => void (await run('delete', ...way(), `docker://${name}`)),
    }
  },
}
