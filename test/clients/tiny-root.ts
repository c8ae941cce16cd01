// The root of a container that can run something: a static busybox and nothing else.
import { readFile, writeFile } from 'node:fs/promises'
import { programPath } from './programs.ts'
import { tarOf } from './tar.ts'

export async function writeTinyRoot(file: string): Promise<void> {
  const busybox = await readFile(programPath('busybox'))
  const root = tarOf([
    { path: 'bin', folder: true },
    { path: 'bin/busybox', content: busybox, mode: 0o755 },
    { path: 'bin/sh', linkTo: 'busybox' },
    { path: 'etc', folder: true },
    { path: 'etc/passwd', content: Buffer.from('root:x:0:0:root:/:/bin/sh\n') },
  ])
  await writeFile(file, root)
}
