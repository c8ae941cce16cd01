// A base image made on this machine, in the place of node:24-bookworm-slim: the Node that runs these tests with the
// libraries that it needs, npm, a shell, and what npm needs to reach its registry from here.
import { cp, copyFile, mkdir, realpath, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { runOk } from '../support/processes.ts'
import type { DockerEngine } from './dockerd.ts'
import { programPath } from './programs.ts'

const applets = [
  'sh',
  'cat',
  'chmod',
  'chown',
  'cp',
  'env',
  'find',
  'id',
  'ln',
  'ls',
  'mkdir',
  'mv',
  'rm',
  'sleep',
  'stat',
  'test',
  'true',
  'tar',
  'gzip',
]

/** Imports it under the name. Writes only below `folder`. */
export async function importNodeBase(
  engine: DockerEngine,
  { folder, name }: { readonly folder: string; readonly name: string },
): Promise<void> {
  const root = join(folder, 'base')
  for (const path of ['bin', 'usr/local/bin', 'usr/local/etc', 'etc/ssl/certs', 'tmp', 'run']) {
    await mkdir(join(root, path), { recursive: true })
  }
  await copyFile(process.execPath, join(root, 'usr/local/bin/node'))
  for (const library of await librariesOf(process.execPath)) {
    await mkdir(join(root, dirname(library)), { recursive: true })
    await copyFile(await realpath(library), join(root, library))
  }
  await copyFile(programPath('busybox'), join(root, 'bin/busybox'))
  for (const applet of applets) await symlink('busybox', join(root, 'bin', applet))
  await addNpm(root)
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/tmp:/bin/sh\n')
  const file = join(folder, 'base.tar')
  await runOk('tar', ['-C', root, '-cf', file, '.'])
  const changes = [
    'ENV PATH=/usr/local/bin:/bin',
    'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt',
  ]
  const { code, output } = await engine.docker([
    'import',
    ...changes.flatMap((change) => ['--change', change]),
    file,
    name,
  ])
  if (code !== 0) throw new Error(`docker import: ${output}`)
}

async function librariesOf(program: string): Promise<readonly string[]> {
  const { stdout } = await runOk('ldd', [program])
  return [...stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path = '']) => path)
}

async function addNpm(root: string): Promise<void> {
  const npm = dirname(dirname(await realpath(programPath('npm'))))
  await cp(npm, join(root, 'usr/local/lib/node_modules/npm'), { recursive: true })
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'))
  await mkdir(join(root, 'usr/bin'), { recursive: true })
  await symlink('/bin/env', join(root, 'usr/bin/env'))
  const registry = (await runOk('npm', ['config', 'get', 'registry'])).stdout.trim()
  await writeFile(join(root, 'usr/local/etc/npmrc'), `registry=${registry}\n`)
  const authorities = process.env['NODE_EXTRA_CA_CERTS'] ?? '/etc/ssl/certs/ca-certificates.crt'
  await copyFile(authorities, join(root, 'etc/ssl/certs/ca-certificates.crt'))
}
