// Compiled code is kept between the starts of a server: starting is most of the time of a round, and
// a killed server writes no cache.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { startRegistry } from '../support/start-registry.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

export interface WarmStarts extends AsyncDisposable {
  readonly env: Readonly<Record<string, string>>
}

export async function warmStarts(): Promise<WarmStarts> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder('warm'))
  const cache = process.env['NODE_COMPILE_CACHE'] ?? join(folder.path, 'compile-cache')
  const env = { NODE_COMPILE_CACHE: cache }
  {
    await using registry = await startRegistry({ env, postgres: false })
    assert.equal((await registry.stop()).code, 0)
  }
  const disposables = stack.move()
  return { env, [Symbol.asyncDispose]: async () => disposables.disposeAsync() }
}
