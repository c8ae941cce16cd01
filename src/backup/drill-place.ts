// A folder for one drill, gone when it is over, whatever has happened in it.
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

export interface DrillPlace extends AsyncDisposable {
  readonly path: string
}

/**
 * A folder in that folder. `owner` is the id of the installation; with it, what a drill of it that was killed has left
 * there goes first: the caller holds the lease `drill`, so none is under way.
 */
export async function makeDrillPlace(folder: string, owner?: string): Promise<DrillPlace> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const prefix = `.drill-${owner ?? 'of'}-`
  for (const name of owner === undefined ? [] : await readdir(folder)) {
    if (name.startsWith(prefix)) await remove(join(folder, name))
  }
  const path = await mkdtemp(join(folder, prefix))
  return { path, [Symbol.asyncDispose]: async () => remove(path) }
}

async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 3 })
}
