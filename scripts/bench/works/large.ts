// One large layer: pushed, and read over HTTP and TLS. Each push goes to a server with nothing stored,
// whose data is removed before the next, so that the disk need not hold all of them.
import { runOk } from '../../../test/support/processes.ts'
import type { Bench } from '../bench.ts'
import { openDoor, scopesOf, signIn, type Contender, type Door } from '../door.ts'
import { authorizationHeader } from '../registry-calls.ts'
import { settleDisk } from '../settle-disk.ts'
import { usageOf } from '../usage.ts'
import { nothingToWarm, requireNoFailure, type Figures, type Session, type Work } from '../work.ts'

const repository = 'admin/big'
/** Enough for a server to have all its code loaded. */
const warmUpMebibytes = 16
const mebibyte = 1024 * 1024
const longestMs = 600_000

const seconds = { figure: 'seconds', unit: ' s', digits: 2, better: 'less' } as const
const processor = { figure: 'cpuSeconds', unit: ' s', digits: 2, better: 'less' } as const
const who = { carrel: 'bearer', peers: 'open' } as const

export function largeWorks(mebibytes: number): readonly Work[] {
  const size = mebibytes % 1024 === 0 ? `${mebibytes / 1024} GiB` : `${mebibytes} MiB`
  const get = (name: string, over: 'HTTP' | 'TLS'): Work => ({
    name,
    about: `GET ${size}, ${over}`,
    needs: 'curl',
    lines: [
      { title: `GET ${size}, ${over}`, ...seconds, ...who },
      { title: `GET ${size}, ${over}: processor time of the server`, ...processor, ...who },
    ],
    open: async (bench, contender) => openGet(bench, contender, over === 'TLS'),
  })
  return [
    {
      name: 'push-big',
      about: `push of one ${size} layer`,
      lines: [
        { title: `push of one ${size} layer`, ...seconds, ...who },
        { title: `push of one ${size} layer: processor time of the server`, ...processor, ...who },
      ],
      open: async (bench, contender) => ({
        warmUp: nothingToWarm,
        turn: async () => turnOfPush(bench, contender),
        [Symbol.asyncDispose]: nothingToWarm,
      }),
    },
    get('get-big', 'HTTP'),
    get('get-big-tls', 'TLS'),
  ]
}

async function turnOfPush(bench: Bench, contender: Contender): Promise<Figures> {
  await using door = await openDoor(bench, contender, { repositories: [repository] })
  await pushLarge(bench, door, warmUpMebibytes)
  await settleDisk(bench.folder)
  const before = usageOf(door.instance.pid)
  const { seconds: took } = await pushLarge(bench, door, bench.options.big)
  const after = usageOf(door.instance.pid)
  return { seconds: took, cpuSeconds: after.cpuSeconds - before.cpuSeconds }
}

async function openGet(bench: Bench, contender: Contender, tls: boolean): Promise<Session> {
  await using stack = new AsyncDisposableStack()
  const door = stack.use(await openDoor(bench, contender, { tls, repositories: [repository] }))
  const { digest } = await pushLarge(bench, door, bench.options.big)
  const path = `/v2/${repository}/blobs/${digest}`
  const read = async () => {
    const authorization = await signIn(door.target, contender.login, scopesOf([repository]))
    return getWithCurl(bench, { target: door.target, authorization, path })
  }
  const disposables = stack.move()
  return {
    async warmUp() {
      await settleDisk(bench.folder)
      await read()
    },
    async turn() {
      const before = usageOf(door.instance.pid)
      const took = await read()
      const after = usageOf(door.instance.pid)
      return { seconds: took, cpuSeconds: after.cpuSeconds - before.cpuSeconds }
    },
    [Symbol.asyncDispose]: async () => disposables.disposeAsync(),
  }
}

async function pushLarge(
  bench: Bench,
  { target, authorization }: Door,
  mebibytes: number,
): Promise<{ readonly digest: string; readonly seconds: number }> {
  const result = await bench.load.run({
    kind: 'upload',
    repositories: [repository],
    count: 1,
    target,
    authorization,
    mebibytes,
  })
  requireNoFailure(result.failures)
  return { digest: result.digests[0] ?? '', seconds: result.seconds }
}

/** curl reads faster than node, over TLS above all. */
async function getWithCurl(
  bench: Bench,
  get: Pick<Door, 'target' | 'authorization'> & { readonly path: string },
): Promise<number> {
  const { target, authorization, path } = get
  const scheme = target.authority === undefined ? 'http' : 'https'
  const headers = Object.entries(authorizationHeader(authorization))
  const { stdout } = await runOk(
    bench.curl ?? 'curl',
    [
      '--silent',
      '--show-error',
      '--output',
      '/dev/null',
      '--write-out',
      '%{http_code} %{time_total} %{size_download}',
      '--cacert',
      bench.certificate.authorityFile,
      ...headers.flatMap(([name, value]) => ['--header', `${name}: ${value}`]),
      `${scheme}://127.0.0.1:${target.port}${path}`,
    ],
    { timeoutMs: longestMs },
  )
  const [status, took, size] = stdout.split(' ')
  if (status !== '200') throw new Error(`${status} to GET ${path.slice(0, 30)}…`)
  if (Number(size) !== bench.options.big * mebibyte) throw new Error(`GET gave ${size} bytes`)
  return Number(took)
}
