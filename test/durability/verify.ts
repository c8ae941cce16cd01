// Reads back what a registry owes. Nothing is trusted that was not hashed here.
import { sha256Of } from './digest.ts'
import type { Expected, ExpectedContent, ExpectedTag, SeenTag } from './acknowledgements.ts'
import { createClient, toldOf, type Client } from './client.ts'

export interface Verification {
  /** Sentences. Empty: everything is there, and nothing is wrong. */
  readonly problems: readonly string[]
  readonly tags: readonly SeenTag[]
  readonly read: number
}

export interface VerifyOptions {
  readonly port: number
  readonly authorization: string
  readonly expected: Expected
  /** Of content that is not recent, so many at random; without it, all. */
  readonly sample?: {
    readonly size: number
    readonly pick: <T>(items: readonly T[]) => T | undefined
  }
}

interface Reading {
  readonly client: Client
  readonly problems: string[]
  /** By repository and digest: what was read, so that nothing is read twice. */
  readonly blobs: Map<string, Promise<Buffer | undefined>>
  count: number
}

const readersAtOnce = 8
const longestReadMs = 15_000
/** More of them say nothing new. */
const mostProblems = 10
const manifestTypes =
  'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json'

export async function verify(options: VerifyOptions): Promise<Verification> {
  const { port, authorization, expected } = options
  using client = createClient(port, authorization, { timeoutMs: longestReadMs })
  const reading: Reading = { client, problems: [], blobs: new Map(), count: 0 }
  const blobs = chosen(expected.blobs, options.sample)
  const manifests = chosen(expected.manifests, options.sample)
  const each = <T>(items: readonly T[], work: (item: T) => Promise<void>) =>
    eachOf(items, async (item) => {
      if (reading.problems.length < mostProblems) await work(item)
    })
  await each(blobs, async (blob) => verifyContent(reading, 'blobs', blob))
  await each(manifests, async (manifest) => verifyContent(reading, 'manifests', manifest))
  const tags: SeenTag[] = []
  for (const [repository, owed] of byRepository(expected.tags)) {
    if (reading.problems.length >= mostProblems) break
    tags.push(...(await verifyTags(reading, repository, owed)))
  }
  return { problems: reading.problems, tags, read: reading.count }
}

async function verifyContent(
  reading: Reading,
  kind: 'blobs' | 'manifests',
  { repository, digest, promised, deleted }: ExpectedContent,
): Promise<void> {
  const bytes = await readContent(reading, kind, repository, digest)
  if (bytes !== undefined && deleted) {
    reading.problems.push(`Deleted and there again: ${repository} ${kind} ${digest}`)
  }
  if (bytes === undefined && promised) {
    reading.problems.push(`Acknowledged and lost: ${repository} ${kind} ${digest}`)
  }
}

/** Undefined: it is not there. Whatever is wrong with it becomes a problem. */
async function readContent(
  reading: Reading,
  kind: 'blobs' | 'manifests',
  repository: string,
  digest: string,
): Promise<Buffer | undefined> {
  const path = `/v2/${repository}/${kind}/${digest}`
  const before = reading.blobs.get(path)
  if (before !== undefined) return before
  const read = (async () => {
    const answer = await reading.client.ask('GET', path, { headers: { accept: manifestTypes } })
    reading.count += 1
    if (answer?.status === 404) return undefined
    if (answer?.status !== 200) {
      reading.problems.push(toldOf('GET', path, answer))
      return undefined
    }
    const actual = sha256Of(answer.body)
    if (actual !== digest) {
      reading.problems.push(`${path} has other bytes: ${answer.body.length} of ${actual}`)
    }
    return answer.body
  })()
  reading.blobs.set(path, read)
  return read
}

async function verifyTags(
  reading: Reading,
  repository: string,
  owed: readonly ExpectedTag[],
): Promise<readonly SeenTag[]> {
  const { client, problems } = reading
  const path = `/v2/${repository}/tags/list`
  const answer = await client.ask('GET', path)
  const isThere = answer?.status === 200
  if (!isThere && answer?.status !== 404) problems.push(toldOf('GET', path, answer))
  const listed = isThere
    ? (JSON.parse(answer.body.toString()) as { tags: readonly string[] }).tags
    : []
  const seen = new Map<string, string>()
  await eachOf(listed, async (tag) => {
    const digest = await readTag(reading, repository, tag)
    if (digest !== undefined) seen.set(tag, digest)
  })
  for (const { tag, allowed } of owed) {
    const digest = seen.get(tag)
    if (allowed.has(digest)) continue
    const may = [...allowed].map((each) => each ?? 'absent').join(' or ')
    problems.push(`${repository}:${tag} is ${digest ?? 'absent'}, and may be ${may}`)
  }
  for (const tag of listed) {
    if (!owed.some((one) => one.tag === tag)) problems.push(`${repository}:${tag} was never pushed`)
  }
  return owed.map(({ tag }) => ({ repository, tag, digest: seen.get(tag) }))
}

/** Reads the image to its last byte, as a pull would. */
async function readTag(
  reading: Reading,
  repository: string,
  tag: string,
): Promise<string | undefined> {
  const path = `/v2/${repository}/manifests/${tag}`
  const answer = await reading.client.ask('GET', path, { headers: { accept: manifestTypes } })
  reading.count += 1
  if (answer?.status !== 200) {
    reading.problems.push(`A listed tag cannot be read: ${toldOf('GET', path, answer)}`)
    return undefined
  }
  const digest = sha256Of(answer.body)
  if (answer.headers['docker-content-digest'] !== digest) {
    reading.problems.push(`${path} has bytes of ${digest} and says otherwise`)
  }
  await readImage(reading, repository, answer.body)
  return digest
}

interface Manifest {
  readonly config?: { readonly digest: string }
  readonly layers?: readonly { readonly digest: string }[]
  readonly manifests?: readonly { readonly digest: string }[]
}

async function readImage(reading: Reading, repository: string, bytes: Buffer): Promise<void> {
  const { config, layers = [], manifests = [] } = JSON.parse(bytes.toString()) as Manifest
  for (const { digest } of config === undefined ? layers : [config, ...layers]) {
    const blob = await readContent(reading, 'blobs', repository, digest)
    if (blob === undefined) reading.problems.push(`${repository} needs the blob ${digest}`)
  }
  for (const { digest } of manifests) {
    const child = await readContent(reading, 'manifests', repository, digest)
    if (child === undefined) reading.problems.push(`${repository} needs the manifest ${digest}`)
    else await readImage(reading, repository, child)
  }
}

function chosen(
  contents: readonly ExpectedContent[],
  sample: VerifyOptions['sample'],
): readonly ExpectedContent[] {
  if (sample === undefined) return contents
  const old = contents.filter(({ recent }) => !recent)
  const some = Array.from({ length: Math.min(sample.size, old.length) }, () => sample.pick(old))
  const picked = new Set(some.filter((each) => each !== undefined))
  return [...contents.filter(({ recent }) => recent), ...picked]
}

function byRepository(tags: readonly ExpectedTag[]): ReadonlyMap<string, readonly ExpectedTag[]> {
  const found = new Map<string, ExpectedTag[]>()
  for (const tag of tags) {
    const before = found.get(tag.repository)
    if (before === undefined) found.set(tag.repository, [tag])
    else before.push(tag)
  }
  return found
}

async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items]
  const run = async () => {
    for (let item = queue.pop(); item !== undefined; item = queue.pop()) await work(item)
  }
  await Promise.all(Array.from({ length: readersAtOnce }, run))
}
