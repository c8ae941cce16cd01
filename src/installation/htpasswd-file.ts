// An htpasswd file that is named and not there, made as registry:2 made it: one user, `docker`, with a password that is
// told once, in the log.
import { randomBytes } from 'node:crypto'
import { mkdir, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { hash } from 'bcryptjs'

const cost = 10
const passwordBytes = 32

/** @throws {Error} when it is missing and cannot be made */
export async function provideHtpasswdFile(
  path: string,
  warn: (message: string) => void,
): Promise<void> {
  const isThere = await stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  )
  if (isThere) return
  const password = randomBytes(passwordBytes).toString('base64url')
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await writeFile(path, `docker:${await hash(password, cost)}\n`, { flag: 'wx', mode: 0o600 })
  } catch (cause) {
    throw new Error(
      `The htpasswd file ${path} is missing, and cannot be made: ${(cause as Error).message}. ` +
        'Make it with: htpasswd -Bbn USER PASSWORD > FILE',
      { cause },
    )
  }
  warn(`htpasswd is missing, provisioning with default user: user docker, password ${password}`)
}
