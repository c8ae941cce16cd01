// The key that seals the secrets of second factors. It is a file beside the data and not a row: a copy of the database
// alone then gives no codes. Nodes that share an installation share the folder.
import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import { createFile, makeDurableFolder, readIfThere } from '../certificates/durable-file.ts'

const keyBytes = 32

export function totpKeyFile(dataDir: string): string {
  return join(dataDir, 'keys', 'second-factor.key')
}

/** Made when it is first asked for; of several processes at once, one makes it. @throws {Error} when it is damaged */
export async function ensureTotpKey(dataDir: string): Promise<Uint8Array> {
  const path = totpKeyFile(dataDir)
  const before = await readIfThere(path)
  if (before !== undefined) return parse(path, before)
  await makeDurableFolder(dirname(path))
  await createFile({ path, text: `${randomBytes(keyBytes).toString('base64')}\n`, mode: 0o600 })
  return parse(path, (await readIfThere(path)) ?? '')
}

function parse(path: string, text: string): Uint8Array {
  const key = Buffer.from(text.trim(), 'base64')
  if (key.length === keyBytes) return key
  throw new Error(
    `${path} is no key. Restore it from a backup: without it, nobody's authenticator app is taken.`,
  )
}
