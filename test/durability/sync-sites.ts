// Loaded into a server whose system calls are written down: says of each sync where in Carrel's source
// it comes from. The sync itself happens in another thread, where no stack shows that. The name that is
// asked for here is taken by system-calls.c and reaches no file system.
import fs from 'node:fs'
import { open } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

const deepest = 30
const framesKept = 4
/** Every sync of the storage goes through them. */
const passages = ['file-operations', 'limit-syncs']

function say(file: number): void {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = deepest
  const stack = new Error().stack ?? ''
  Error.stackTraceLimit = stackTraceLimit
  const frames: string[] = []
  for (const line of stack.split('\n')) {
    const found =
      /at (?:async )?(?:(\S+) )?.*\/(?:\.node\/[^/]+|src)\/(?:.*\/)?([\w-]+)\.[jt]s:\d+/.exec(line)
    const [, name = '', source = ''] = found ?? []
    if (found === null || passages.includes(source)) continue
    frames.push(`${source}:${name.replace(/^.*\./, '') || '-'}`)
  }
  fs.accessSync(`/sync-site/${file}/${frames.slice(0, framesKept).join(' < ').slice(0, 110)}`)
}

type Method = (...args: unknown[]) => unknown

function wrap(owner: object, name: string, fileOf: (self: unknown, first: unknown) => number) {
  const methods = owner as Record<string, Method>
  const real = methods[name] as Method
  methods[name] = function wrapped(this: unknown, ...args: unknown[]) {
    say(fileOf(this, args[0]))
    return real.apply(this, args)
  }
}

for (const name of ['fsync', 'fsyncSync', 'fdatasync', 'fdatasyncSync']) {
  wrap(fs, name, (_, first) => Number(first))
}
{
  await using handle = await open('/dev/null')
  const prototype = Object.getPrototypeOf(handle) as object
  for (const name of ['sync', 'datasync']) {
    wrap(prototype, name, (self) => (self as { readonly fd: number }).fd)
  }
}
syncBuiltinESMExports()
