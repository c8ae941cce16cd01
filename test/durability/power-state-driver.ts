// The storage of a state after a power loss, for the code that checks it: it reads, and nothing else.
import { Readable } from 'node:stream'
import {
  ObjectNotFoundError,
  parseKey,
  type Key,
  type ObjectStat,
  type StorageDriver,
} from '../../src/storage/driver.ts'
import type { PowerState } from './power-state.ts'
import type { Content } from './synced-bytes.ts'

const zeros = Buffer.alloc(64 * 1024)

export function powerStateDriver(state: PowerState, root: string): StorageDriver {
  const read = (key: Key): Content => {
    const content = state.read(`${root}/${key}`)
    if (content === undefined) throw new ObjectNotFoundError(key)
    return content
  }
  return {
    kind: 'memory',
    async stat(key) {
      const content = state.read(`${root}/${key}`)
      return content === undefined ? undefined : statOf(key, content)
    },
    read: async (key) => Readable.from(piecesOf(read(key)), { objectMode: false }),
    async *list(folder) {
      for (const { path, content } of state.list(`${root}/${folder}`)) {
        yield statOf(parseKey(path.slice(root.length + 1)), content)
      }
    },
    copy: refuse,
    write: refuse,
    concatenate: refuse,
    move: refuse,
    delete: refuse,
    sweep: refuse,
    probe: refuse,
    [Symbol.asyncDispose]: async () => undefined,
  }
}

async function refuse(): Promise<never> {
  throw new Error('A check changes nothing.')
}

function statOf(key: Key, { size }: Content): ObjectStat {
  return { key, size, modifiedAt: new Date(0) }
}

function* piecesOf({ bytes, used, size }: Content): Generator<Uint8Array> {
  yield bytes.subarray(0, Math.min(used, size))
  for (let left = size - used; left > 0; left -= zeros.length) {
    yield zeros.subarray(0, Math.min(left, zeros.length))
  }
}
