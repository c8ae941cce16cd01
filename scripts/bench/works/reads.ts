// Small reads by 32 connections: a manifest by its tag, a blob of 4 KiB, and the HEAD of both.
import { randomBytes } from 'node:crypto'
import { openDoor, scopesOf, signIn, withCaller, type Contender, type Door } from '../door.ts'
import type { Bench } from '../bench.ts'
import { call, manifestType, pushImage, sha256, type PushedImage } from '../registry-calls.ts'
import { requireNoFailure, type Line, type Session, type Work } from '../work.ts'
import { readWithWrk } from '../wrk.ts'

interface Read {
  readonly method: 'GET' | 'HEAD'
  readonly what: 'manifest' | 'blob'
}

const repository = 'admin/bench'
const tag = '1.0'
const blobBytes = 4096
const connections = 32
const rate = { figure: 'perSecond', unit: '/s', digits: 0, better: 'more' } as const

/** Carrel's two ways of signing in, and peers with and without a login: all against each other. */
function manifestLines(): readonly Line[] {
  const line = (carrel: 'bearer' | 'basic', peers: 'open' | 'basic'): Line => {
    const how = carrel === 'bearer' ? 'Carrel with Bearer' : 'Carrel with Basic'
    const others = peers === 'open' ? 'peers without login' : 'peers with htpasswd (bcrypt 5)'
    return { ...rate, title: `GET manifest by tag; ${how}, ${others}`, carrel, peers }
  }
  return [
    line('bearer', 'open'),
    line('basic', 'open'),
    line('bearer', 'basic'),
    line('basic', 'basic'),
  ]
}

const plainLine = (title: string): readonly Line[] => [
  { ...rate, title, carrel: 'bearer', peers: 'open' },
]

export const readWorks: readonly Work[] = [
  {
    name: 'manifest',
    about: 'GET manifest by tag, 32 connections',
    lines: manifestLines(),
    open: async (bench, contender) =>
      openReads(bench, contender, { method: 'GET', what: 'manifest' }),
  },
  {
    name: 'head-manifest',
    about: 'HEAD manifest by tag, 32 connections',
    lines: plainLine('HEAD manifest by tag'),
    open: async (bench, contender) =>
      openReads(bench, contender, { method: 'HEAD', what: 'manifest' }),
  },
  {
    name: 'head-blob',
    about: 'HEAD blob, 32 connections',
    lines: plainLine('HEAD blob'),
    open: async (bench, contender) => openReads(bench, contender, { method: 'HEAD', what: 'blob' }),
  },
  {
    name: 'blob',
    about: 'GET 4 KiB blob, 32 connections',
    lines: plainLine('GET 4 KiB blob'),
    open: async (bench, contender) => openReads(bench, contender, { method: 'GET', what: 'blob' }),
  },
]

async function openReads(bench: Bench, contender: Contender, read: Read): Promise<Session> {
  await using stack = new AsyncDisposableStack()
  const door = stack.use(await openDoor(bench, contender, { repositories: [repository] }))
  const image = await pushSample(door)
  const path = pathOf(image, read.what)
  const expected = read.what === 'manifest' ? image.manifest : undefined
  await requireContent(door, path, expected === undefined ? layerOf(image) : sha256(expected))
  const measure = async (seconds: number): Promise<number> => {
    const authorization = await signIn(door.target, contender.login, scopesOf([repository]))
    const { target } = door
    if (read.method === 'GET' && bench.wrk !== undefined) {
      return readWithWrk(bench.wrk, { target, path, authorization, connections, seconds })
    }
    const {
      failures,
      done,
      seconds: took,
    } = await bench.load.run({
      kind: 'read',
      method: read.method,
      paths: [path],
      target,
      authorization,
      connections,
      seconds,
    })
    requireNoFailure(failures)
    return done / took
  }
  const disposables = stack.move()
  const { seconds } = bench.options
  return {
    async warmUp() {
      await measure(Math.ceil(seconds / 2))
    },
    turn: async () => ({ perSecond: await measure(seconds) }),
    [Symbol.asyncDispose]: async () => disposables.disposeAsync(),
  }
}

/** One small image, under the tag that reads ask for. */
export async function pushSample(door: Door): Promise<PushedImage> {
  return withCaller(door, async (caller) =>
    pushImage(caller, { repository, tag }, randomBytes(blobBytes)),
  )
}

export const sample = { repository, path: `/v2/${repository}/manifests/${tag}` }

function pathOf(image: PushedImage, what: Read['what']): string {
  return what === 'manifest' ? sample.path : `/v2/${repository}/blobs/${layerOf(image)}`
}

function layerOf({ layers }: PushedImage): string {
  return layers[0]?.digest ?? ''
}

/** Speed counts only where the bytes are right. */
async function requireContent(door: Door, path: string, digest: string): Promise<void> {
  const headers = { Accept: manifestType }
  const answer = await withCaller(door, async (caller) =>
    call(caller, { method: 'GET', path, headers }, 200),
  )
  if (sha256(answer.body) !== digest)
    throw new Error(`GET ${path} gave other bytes than were pushed`)
}
