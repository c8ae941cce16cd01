// What a load process can be asked to do. Jobs and results are plain data: they cross processes.
import { createHash, randomBytes, type Hash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  authorizationHeader,
  manifestType,
  openUpload,
  pushBlob,
  pushImage,
  sendBlob,
} from '../registry-calls.ts'
import { Connection, type Target } from '../wire.ts'
import { runClosed, runPaced, type Tally } from './loops.ts'

interface Common {
  readonly target: Target
  readonly authorization: string | undefined
}

/** Reads of paths in turn; with `perSecond` at that rate, else as fast as the answers come. */
export interface ReadJob extends Common {
  readonly kind: 'read'
  readonly method: 'GET' | 'HEAD'
  readonly paths: readonly string[]
  readonly connections: number
  readonly seconds: number
  readonly perSecond?: number
}

/** Small blobs, or whole images of one small layer, each with bytes of its own. */
export interface PushJob extends Common {
  readonly kind: 'push-blobs' | 'push-images'
  readonly repositories: readonly string[]
  readonly bytes: number
  readonly connections: number
  readonly seconds: number
}

/** Large blobs with bytes of their own, all at once, at full speed or each at its pace. */
export interface UploadJob extends Common {
  readonly kind: 'upload'
  readonly repositories: readonly string[]
  readonly count: number
  readonly mebibytes: number
  readonly mebibytesPerSecond?: number
}

export type Job = ReadJob | PushJob | UploadJob

export interface UploadResult {
  readonly seconds: number
  readonly failures: Readonly<Record<string, number>>
  readonly digests: readonly string[]
}

/** The results of each kind of job. */
export interface Results {
  readonly read: Tally
  readonly 'push-blobs': Tally
  readonly 'push-images': Tally
  readonly upload: UploadResult
}

const mebibyte = 1024 * 1024
const tailBytes = 32

export async function read(job: ReadJob): Promise<Tally> {
  const headers = { Accept: manifestType, ...authorizationHeader(job.authorization) }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const rest = `HTTP/1.1\r\nHost: 127.0.0.1:${job.target.port}\r\n${lines.join('')}\r\n`
  const requests = job.paths.map((path) => `${job.method} ${path} ${rest}`)
  const bodiless = job.method === 'HEAD'
  const step = async (connection: Connection, index: number) => {
    const request = requests[index % requests.length] ?? ''
    const { status } = await connection.send(request, { bodiless })
    if (status !== 200) throw new Error(`${status} to ${job.method}`)
  }
  const { perSecond } = job
  return perSecond === undefined ? runClosed(job, step) : runPaced({ ...job, perSecond }, step)
}

export async function push(job: PushJob): Promise<Tally> {
  const { repositories, bytes, authorization } = job
  return runClosed(job, async (connection, index) => {
    const repository = repositories[index % repositories.length] ?? ''
    const caller = { connection, authorization }
    const content = randomBytes(bytes)
    if (job.kind === 'push-blobs') await pushBlob(caller, repository, content)
    else await pushImage(caller, { repository, tag: `t${index}` }, content)
  })
}

/** Large content differs in its last bytes only, so that one hash over the others serves all of it. */
export interface Content {
  readonly block: Buffer
  readonly hashOf: (mebibytes: number) => Hash
}

export function createContent(): Content {
  const block = randomBytes(mebibyte)
  const hashes = new Map<number, Hash>()
  return {
    block,
    hashOf(mebibytes) {
      const found = hashes.get(mebibytes)
      if (found !== undefined) return found
      const hash = createHash('sha256')
      for (let index = 1; index < mebibytes; index += 1) hash.update(block)
      hash.update(block.subarray(tailBytes))
      hashes.set(mebibytes, hash)
      return hash
    },
  }
}

export async function upload(content: Content, job: UploadJob): Promise<UploadResult> {
  const tails = Array.from({ length: job.count }, () => randomBytes(tailBytes))
  const base = content.hashOf(job.mebibytes)
  const digests = tails.map((tail) => `sha256:${base.copy().update(tail).digest('hex')}`)
  const failures: Record<string, number> = {}
  const one = async (tail: Buffer, index: number) => {
    using connection = new Connection(job.target)
    const caller = { connection, authorization: job.authorization }
    const repository = job.repositories[index % job.repositories.length] ?? ''
    const body = {
      size: job.mebibytes * mebibyte,
      pieces: piecesOf(content.block, tail, job),
    }
    const location = await openUpload(caller, repository)
    await sendBlob(caller, location, { digest: digests[index] ?? '', body })
  }
  const began = performance.now()
  const count = (error: unknown) => {
    const { message } = error as Error
    failures[message] = (failures[message] ?? 0) + 1
  }
  await Promise.all(tails.map(async (tail, index) => one(tail, index).catch(count)))
  return { seconds: (performance.now() - began) / 1000, failures, digests }
}

async function* piecesOf(
  block: Buffer,
  tail: Buffer,
  { mebibytes, mebibytesPerSecond }: UploadJob,
): AsyncGenerator<Uint8Array> {
  const began = performance.now()
  for (let index = 0; index < mebibytes; index += 1) {
    if (mebibytesPerSecond !== undefined) {
      const wait = began + (index * 1000) / mebibytesPerSecond - performance.now()
      if (wait > 0) await sleep(wait)
    }
    yield index === mebibytes - 1 ? block.subarray(tailBytes) : block
  }
  yield tail
}
