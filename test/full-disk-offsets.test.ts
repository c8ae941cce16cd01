// A disk that becomes full at any byte of a push, 200 times: the push is refused in words, nothing that was
// acknowledged is lost, people can sign in and pull, and with room again pushes are taken, without a restart.
// The database and the blobs are on one disk, or each on its own with the other one never full.
import assert from 'node:assert/strict'
import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createAcknowledgementLog } from './durability/acknowledgements.ts'
import { createClient, signIn, type Answer } from './durability/client.ts'
import { warmStarts, type WarmStarts } from './durability/compile-cache.ts'
import { createBallast } from './durability/fill-disk.ts'
import { runFsck } from './durability/fsck.ts'
import { diskFolder, makeMemoryDisk, whyNoDisks } from './durability/loop-disk.ts'
import { createShelf, startLoad } from './durability/push-load.ts'
import { createRandom, seedOfRun } from './durability/random.ts'
import { verify } from './durability/verify.ts'
import { basic, startRegistry, type StartedRegistry } from './support/start-registry.ts'

const lacking = whyNoDisks([])
const skip = lacking === undefined || process.env['CI'] === 'true' ? false : lacking
const repositories = ['admin/full', 'admin/other']
const kib = 1024
const mebibytes = 64
/** More than a push of the load takes. */
const mostRoom = 400 * kib
const longestLoadMs = 60
let warm: WarmStarts

before(async () => {
  if (lacking === undefined) warm = await warmStarts()
})
after(async () => warm?.[Symbol.asyncDispose]())

const layouts = [
  { name: 'of both', full: ['data', 'blobs'], offsets: 100 },
  { name: 'of the blobs', full: ['blobs'], offsets: 50 },
  { name: 'of the database', full: ['data'], offsets: 50 },
] as const

for (const { name, full, offsets } of layouts) {
  test(
    `the disk ${name} becomes full at ${offsets} places of a push, and nothing is lost`,
    { skip, timeout: 240_000 },
    async (t) => {
      assert.equal(lacking, undefined)
      const seed = seedOfRun()
      const random = createRandom(`${seed}/${name}`)
      await using folder = await diskFolder(3 * mebibytes)
      await using disks = new AsyncDisposableStack()
      const first = disks.use(await makeMemoryDisk(folder.path, mebibytes))
      const second =
        full.length > 1 ? first : disks.use(await makeMemoryDisk(folder.path, mebibytes))
      const data = join(first.path, 'data')
      if (second !== first) {
        await mkdir(join(second.path, 'storage'), { mode: 0o700 })
        await mkdir(data, { mode: 0o700 })
        await symlink(join(second.path, 'storage'), join(data, 'storage'))
      }
      const ballast = createBallast(full[0] === 'blobs' ? second.path : first.path)
      // As full as it gets: pushes are refused by the disk itself, and not because little is left.
      const env = { ...warm.env, CARREL_DISK_RESERVE: '0' }
      await using registry = await startRegistry({ data, env, postgres: false })
      const authorization = await signIn(registry, repositories)
      const log = createAcknowledgementLog()
      const shelf = createShelf(repositories)
      const counts = { acknowledged: 0, refused: 0, deletes: 0 }
      const load = async (clients: number, forMs: number) => {
        const { port } = registry
        const running = startLoad({
          port,
          authorization,
          log,
          random,
          shelf,
          clients,
          mayRefuse: isFull,
          largestBlob: 100_000,
        })
        await new Promise((resolve) => setTimeout(resolve, forMs))
        const problems = await running.stop('lives')
        counts.acknowledged += running.counts.acknowledged
        counts.refused += running.counts.refused
        return problems
      }
      assert.deepEqual(await load(2, 200), [])
      for (let offset = 0; offset < offsets; offset += 1) {
        const room = Math.floor((offset / offsets) * mostRoom) + random.whole(0, 4095)
        await ballast.leave(room)
        const told = `${room} bytes were free, seed ${seed}`
        assert.deepEqual(await load(random.whole(1, 3), longestLoadMs), [], told)
        await canSignIn(registry)
        const sample = { size: 5, pick: random.pick }
        const { port } = registry
        const seen = await verify({ port, authorization, expected: log.expected(), sample })
        assert.deepEqual(seen.problems, [], told)
        log.settle(seen.tags)
        await ballast.remove()
      }
      const before = counts.acknowledged
      assert.deepEqual(await load(2, 300), [])
      assert.ok(counts.acknowledged > before, 'with room again, nothing was taken')
      t.diagnostic(
        `seed ${seed}: ${offsets} places, ${counts.acknowledged} acknowledged, ${counts.refused} refused`,
      )
      assert.ok(counts.refused > 0, 'the disk was never full')
      const { port } = registry
      const seen = await verify({ port, authorization, expected: log.expected() })
      assert.deepEqual(seen.problems, [])
      await registry.kill()
      const { code, report } = await runFsck(data)
      assert.deepEqual(report.problems, [])
      assert.equal(code, 0)
    },
  )
}

async function canSignIn({ port, user, password }: StartedRegistry): Promise<void> {
  using client = createClient(port, basic(user, password))
  assert.equal((await client.ask('GET', '/token?service=x'))?.status, 200)
}

/** What docker shows its user: a sentence that says what is the matter and what to do. */
function isFull({ status, body }: Answer): boolean {
  if (status !== 403) return false
  const { errors } = JSON.parse(body.toString()) as { errors: { code: string; message: string }[] }
  const [first] = errors
  return first?.code === 'DENIED' && /no storage space.*\. \w+.*\.$/.test(first.message)
}
