// What depends on how much an installation holds: listing from it, and starting on it. Only Carrel is
// measured: the peers would have to be filled by pushing, which takes them hours.
import { randomInt } from 'node:crypto'
import type { Bench } from '../bench.ts'
import { scopesOf, signIn, type Contender } from '../door.ts'
import { repositoryName, seed, seedRepositories, seedTags, tagName } from '../seed.ts'
import type { CarrelSubject } from '../subjects/subject.ts'
import { requireNoFailure, type Figures, type Line, type Session, type Work } from '../work.ts'

const catalogScope = 'registry:catalog:*'
const manyTags = 'admin/many-tags'
/** What clients ask for that page, and what they get that do not. */
const pages = [
  { name: '1,000', n: '&n=1000' },
  { name: 'the default size', n: '' },
]
const largestPage = 10_000
const pathsPerPage = 500
const tagsPerRepository = 1000

export function installationWorks(options: {
  readonly listed: number
  readonly tags: number
}): readonly Work[] {
  const listed = options.listed.toLocaleString('en')
  const started = `start to ready with ${options.tags.toLocaleString('en')} tags`
  return [
    {
      name: 'listing',
      about: `a page of ${listed} repositories, and of ${listed} tags`,
      lines: ['repositories', 'tags'].flatMap((what) =>
        pages.map(({ name }): Line => ({
          title: `a page (${name}) of ${listed} ${what}: p99`,
          figure: figureName(what, name, 'p99'),
          unit: ' ms',
          digits: 1,
          better: 'less',
          carrel: 'bearer',
        })),
      ),
      open: openListing,
    },
    {
      name: 'start',
      about: started,
      lines: [
        {
          title: started,
          figure: 'readySeconds',
          unit: ' s',
          digits: 2,
          better: 'less',
          carrel: 'bearer',
        },
      ],
      open: openStart,
    },
  ]
}

const figureName = (what: string, page: string, part: string) => `${what}, ${page}, ${part}`

async function openListing(bench: Bench, { subject, login }: Contender): Promise<Session> {
  const { listed, seconds } = bench.options
  await using stack = new AsyncDisposableStack()
  const carrel = requireCarrel(subject)
  const installation = stack.use(await carrel.install(bench))
  await seed(installation, async (metadata) => {
    const seeding = { metadata, interrupted: bench.interrupted }
    await seedRepositories(seeding, listed)
    await seedTags(seeding, manyTags, listed)
  })
  const { target } = stack.use(await carrel.start(bench, installation))
  const lists = [
    { what: 'repositories', path: '/v2/_catalog', nameOf: repositoryName },
    { what: 'tags', path: `/v2/${manyTags}/tags/list`, nameOf: tagName },
  ]
  const measure = async (forSeconds: number): Promise<Figures> => {
    const authorization = await signIn(target, login, [...scopesOf([manyTags]), catalogScope])
    const figures: Record<string, number> = {}
    // Pages are full wherever they begin.
    const places = Math.max(1, listed - largestPage)
    for (const { what, path, nameOf } of lists) {
      for (const { name, n } of pages) {
        const paths = Array.from(
          { length: pathsPerPage },
          () => `${path}?last=${encodeURIComponent(nameOf(randomInt(places)))}${n}`,
        )
        const tally = await bench.load.run({
          kind: 'read',
          method: 'GET',
          connections: 1,
          seconds: forSeconds,
          target,
          authorization,
          paths,
        })
        requireNoFailure(tally.failures)
        figures[figureName(what, name, 'p50')] = tally.p50Ms
        figures[figureName(what, name, 'p99')] = tally.p99Ms
      }
    }
    return figures
  }
  const disposables = stack.move()
  return {
    async warmUp() {
      await measure(1)
    },
    turn: async () => measure(seconds),
    [Symbol.asyncDispose]: async () => disposables.disposeAsync(),
  }
}

async function openStart(bench: Bench, { subject }: Contender): Promise<Session> {
  await using stack = new AsyncDisposableStack()
  const carrel = requireCarrel(subject)
  const installation = stack.use(await carrel.install(bench))
  await seed(installation, async (metadata) => {
    const seeding = { metadata, interrupted: bench.interrupted }
    for (let left = bench.options.tags; left > 0; left -= tagsPerRepository) {
      await seedTags(seeding, `admin/app-${left}`, Math.min(left, tagsPerRepository))
    }
  })
  const disposables = stack.move()
  const start = async (): Promise<number> => {
    await using instance = await carrel.start(bench, installation)
    return instance.readySeconds
  }
  return {
    // The first start makes the administrator and the keys.
    async warmUp() {
      await start()
    },
    turn: async () => ({ readySeconds: await start() }),
    [Symbol.asyncDispose]: async () => disposables.disposeAsync(),
  }
}

function requireCarrel(subject: Contender['subject']): CarrelSubject {
  if (subject.kind === 'carrel') return subject
  throw new Error(`${subject.title} cannot be filled`)
}
