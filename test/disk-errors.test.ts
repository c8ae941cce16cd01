// Each call to the disk fails once, in the whole server and not only in its driver: the request is refused
// in words, nothing is acknowledged that is not kept, the server lives, and what it has can be pulled.
//
//   CARREL_TEST_SEED=abc npm test -- --only test/disk-errors
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createAcknowledgementLog } from './durability/acknowledgements.ts'
import { createClient, signIn, type Answer } from './durability/client.ts'
import { warmStarts, type WarmStarts } from './durability/compile-cache.ts'
import { sha256Of } from './durability/digest.ts'
import { callsUnderLoad } from './durability/failpoints.ts'
import { runFsck } from './durability/fsck.ts'
import { diskFolder } from './durability/loop-disk.ts'
import { createShelf, startLoad } from './durability/push-load.ts'
import { createRandom, seedOfRun, type Random } from './durability/random.ts'
import {
  buildSystemCalls,
  followSystemCalls,
  kinds,
  whyNoSystemCalls,
  type ChosenCall,
} from './durability/system-calls.ts'
import { verify } from './durability/verify.ts'
import { waitUntil } from './support/processes.ts'
import { startRegistry, type StartedRegistry } from './support/start-registry.ts'

const lacking = whyNoSystemCalls()
const skip = lacking === undefined || process.env['CI'] === 'true' ? false : lacking
const repositories = ['admin/one', 'admin/two']
const errors = ['EIO', 'ENOSPC', 'EINTR'] as const
const longestLoadMs = 800
const clients = 3
let warm: WarmStarts

before(async () => {
  if (lacking === undefined) warm = await warmStarts()
})
after(async () => warm?.[Symbol.asyncDispose]())

interface Fault extends ChosenCall {
  readonly name: string
}

test(
  'whichever call to the disk fails: a refusal, no loss, and the server lives',
  { skip, timeout: 400_000 },
  async (t) => {
    assert.equal(lacking, undefined)
    const seed = seedOfRun()
    const random = createRandom(seed)
    await using folder = await diskFolder(1024)
    const library = await buildSystemCalls(folder.path)
    using calls = followSystemCalls({
      library,
      root: folder.path,
      logFile: join(folder.path, 'calls'),
    })
    const data = join(folder.path, 'new', 'data')
    const env = { ...warm.env, ...calls.env }
    const log = createAcknowledgementLog()
    const shelf = createShelf(repositories)
    let registry = await startWholly({ data, env, postgres: false })
    const { password } = registry
    const counts = { met: 0, refused: 0, acknowledged: 0, restarts: 0 }
    try {
      const authorization = await signIn(registry, repositories)
      for (const fault of faultsOf(random)) {
        const load = startLoad({
          port: registry.port,
          authorization,
          log,
          random,
          shelf,
          clients,
          mayRefuse: isRefusal,
          largestBlob: 60_000,
          deletes: true,
        })
        calls.choose(fault)
        await untilMet(() => calls.hits() >= fault.nth)
        const problems = await load.stop('lives')
        if (calls.release() >= fault.nth) counts.met += 1
        assert.deepEqual(problems, [], `${fault.name}, seed ${seed}\n${registry.log()}`)
        counts.refused += load.counts.refused
        counts.acknowledged += load.counts.acknowledged
        const sample = { size: 5, pick: random.pick }
        const { port } = registry
        const seen = await verify({ port, authorization, expected: log.expected(), sample })
        assert.deepEqual(seen.problems, [], `${fault.name}, seed ${seed}`)
        log.settle(seen.tags)
        if (await takesPushes(registry, authorization)) continue
        // A sync of the database that failed is final, until somebody has looked and starts anew.
        assert.match(fault.name, /database/)
        await registry.kill()
        await registry[Symbol.asyncDispose]()
        registry = await startWholly({ data, env, postgres: false })
        counts.restarts += 1
      }
      await registry.kill()
    } finally {
      await registry[Symbol.asyncDispose]()
    }
    t.diagnostic(
      `seed ${seed}: ${counts.met} faults met, ${counts.acknowledged} changes acknowledged, ` +
        `${counts.refused} refused, ${counts.restarts} restarts`,
    )
    assert.ok(counts.met >= 60, 'too few calls failed')
    assert.ok(counts.refused >= 20, 'nobody noticed')
    const { code, report } = await runFsck(data)
    assert.deepEqual(report.problems, [])
    assert.equal(code, 0)
    await using again = await startRegistry({ data, env: warm.env, postgres: false })
    const { port } = again
    const authorization = await signIn({ ...again, password }, repositories)
    const seen = await verify({ port, authorization, expected: log.expected() })
    assert.deepEqual(seen.problems, [])
  },
)

/** The first worker answers before the others have opened what they need, and they need a disk that works. */
async function startWholly(options: Parameters<typeof startRegistry>[0]): Promise<StartedRegistry> {
  const registry = await startRegistry(options)
  await waitUntil('The server did not say that it is ready', () =>
    registry.log().includes('"msg":"ready"'),
  )
  return registry
}

function faultsOf(random: Random): readonly Fault[] {
  return callsUnderLoad.flatMap(([call, kind, often]) =>
    errors.flatMap((error) =>
      [1, random.whole(2, Math.max(2, often))].map((nth): Fault => {
        const chosen = { call, kind: kinds.indexOf(kind), nth, action: 'fail', error } as const
        return { ...chosen, name: `${error} at ${call} ${nth} of ${kind}` }
      }),
    ),
  )
}

async function untilMet(isMet: () => boolean): Promise<void> {
  const deadline = performance.now() + longestLoadMs
  while (!isMet() && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  // Who met it has to tell, and the others go on.
  await new Promise((resolve) => setTimeout(resolve, 50))
}

/** In words, as the registry's protocol has them. */
function isRefusal({ status, body }: Answer): boolean {
  if (status < 400) return false
  const { errors: told } = JSON.parse(body.toString()) as {
    errors: { code: string; message: string }[]
  }
  return told.length > 0 && told.every(({ code, message }) => code !== '' && message !== '')
}

async function takesPushes({ port }: StartedRegistry, authorization: string): Promise<boolean> {
  using client = createClient(port, authorization)
  const bytes = Buffer.from(`probe ${Math.random()}`)
  const path = `/v2/${repositories[0]}/blobs/uploads/?digest=${sha256Of(bytes)}`
  const headers = { 'content-type': 'application/octet-stream' }
  const answer = await client.ask('POST', path, { headers, body: bytes })
  assert.ok(answer !== undefined, 'the server is gone')
  return answer.status === 201
}
