// helm with OCI registries: a chart is pushed under the name and version that it carries.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runOk, runProgram } from '../support/processes.ts'
import type { Client } from './client.ts'
import { programPath } from './programs.ts'

/** In a tag, the plus becomes an underscore. */
const version = '0.1.0+build.7'
const tag = '0.1.0_build.7'

export const helm: Client = {
  name: 'helm',
  programs: ['helm'],
  async version() {
    const text = (await runOk(programPath('helm'), ['version', '--template', '{{.Version}}']))
      .stdout
    return text.trim()
  },
  async open({ folder, env, host, image, caFile }) {
    const program = programPath('helm')
    const run = async (...args: string[]) => runOk(program, args, { env, cwd: folder })
    const way = caFile === undefined ? ['--plain-http'] : ['--ca-file', caFile]
    const chart = join(folder, 'shelf')
    await mkdir(join(chart, 'templates'), { recursive: true })
    await writeFile(
      join(chart, 'Chart.yaml'),
      `apiVersion: v2\nname: shelf\nversion: ${version}\ndescription: ${host}\n`,
    )
    await writeFile(
      join(chart, 'templates', 'map.yaml'),
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shelf}\n',
    )
    await run('package', chart)
    const charts = `oci://${image('charts')}`
    return {
      login: async (password) =>
        runProgram(
          program,
          ['registry', 'login', host, ...way, '-u', 'admin', '--password-stdin'],
          { env, input: password },
        ),
      async push() {
        await run('push', `shelf-${version}.tgz`, charts, ...way)
        return `${image('charts/shelf')}:${tag}`
      },
      async pull() {
        await mkdir(join(folder, 'pulled'))
        const what = [`${charts}/shelf`, '--version', version, '-d', join(folder, 'pulled')]
        const { output } = await run('pull', ...what, ...way)
        return /Digest: (sha256:[0-9a-f]{64})/.exec(output)?.[1] ?? output
      },
    }
  },
}
