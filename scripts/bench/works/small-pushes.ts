// Many small pushes: blobs of 4 KiB, and whole images of one small layer.
import type { Bench } from '../bench.ts'
import { openDoor, scopesOf, signIn, type Contender } from '../door.ts'
import { settleDisk } from '../settle-disk.ts'
import { requireNoFailure, type Session, type Work } from '../work.ts'

interface Push {
  readonly kind: 'push-blobs' | 'push-images'
  readonly bytes: number
  readonly connections: number
  readonly repositories: readonly string[]
}

const blobs = { kind: 'push-blobs', bytes: 4096, repositories: ['admin/small'] } as const

function pushWork(name: string, about: string, push: Push): Work {
  return {
    name,
    about,
    lines: [
      {
        title: about,
        figure: 'perSecond',
        unit: '/s',
        digits: 0,
        better: 'more',
        carrel: 'bearer',
        peers: 'open',
      },
    ],
    open: async (bench, contender) => openPushes(bench, contender, push),
  }
}

export const smallPushWorks: readonly Work[] = [
  pushWork('push-16', '4 KiB blobs pushed, 16 at once', { ...blobs, connections: 16 }),
  pushWork('push-1', '4 KiB blobs pushed, one at a time', { ...blobs, connections: 1 }),
  pushWork('images', 'whole small images pushed, 8 at once', {
    kind: 'push-images',
    bytes: 2048,
    connections: 8,
    repositories: Array.from({ length: 10 }, (_, index) => `admin/image${index}`),
  }),
]

async function openPushes(bench: Bench, contender: Contender, push: Push): Promise<Session> {
  const { repositories } = push
  const door = await openDoor(bench, contender, { repositories })
  const measure = async (seconds: number): Promise<number> => {
    const authorization = await signIn(door.target, contender.login, scopesOf(repositories))
    const { target } = door
    const tally = await bench.load.run({ ...push, target, authorization, seconds })
    requireNoFailure(tally.failures)
    return tally.done / tally.seconds
  }
  const { seconds } = bench.options
  return {
    async warmUp() {
      await measure(Math.ceil(seconds / 2))
    },
    async turn() {
      await settleDisk(bench.folder)
      return { perSecond: await measure(seconds) }
    },
    [Symbol.asyncDispose]: async () => door[Symbol.asyncDispose](),
  }
}
