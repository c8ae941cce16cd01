// The files of an installation: the server must be able to read and write each of them.
import { constants } from 'node:fs'
import { access, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ok, problem, shellWord, warning, type Check } from './check.ts'

const wellKnown = [
  'carrel.db',
  'carrel.db-wal',
  'carrel.db-shm',
  'server.lock',
  'storage',
  'storage/blobs',
  'storage/uploads',
  'tls',
]

export async function checkFiles(folder: string): Promise<Check> {
  const name = 'files'
  const owner = (await stat(folder)).uid
  const refused: string[] = []
  const foreign: string[] = []
  for (const path of await pathsIn(folder)) {
    const info = await stat(path).catch(() => undefined)
    if (info === undefined) continue
    if (info.uid !== owner) foreign.push(path)
    const wanted = constants.R_OK | constants.W_OK | (info.isDirectory() ? constants.X_OK : 0)
    const isRefused = await access(path, wanted).then(
      () => false,
      () => true,
    )
    if (isRefused) refused.push(path)
  }
  const typed = shellWord(folder)
  if (refused.length > 0) {
    const message = `Not readable and writable for user id ${process.geteuid?.() ?? ''}: ${refused.join(', ')}.`
    return problem(name, message, `chown -R ${owner} ${typed} && chmod -R u+rwX ${typed}`)
  }
  if (foreign.length > 0) {
    const message = `These do not belong to user id ${owner} as the folder does: ${foreign.join(', ')}.`
    return warning(name, message, `chown -R ${owner} ${typed}`)
  }
  return ok(name, `readable and writable, all of user id ${owner}`)
}

async function pathsIn(folder: string): Promise<readonly string[]> {
  const tls = await readdir(join(folder, 'tls')).catch(() => [])
  const pems = tls.filter((name) => name.endsWith('.pem')).map((name) => `tls/${name}`)
  return [...wellKnown, ...pems].map((path) => join(folder, path))
}
