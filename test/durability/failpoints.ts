// Places at which a server is killed: before, after and in the middle of what it does to its files, as
// system-calls.c sees it. Nothing of that is in the server itself.
import type { Random } from './random.ts'
import { kinds, type Action, type CallName, type ChosenCall } from './system-calls.ts'

export interface Failpoint extends ChosenCall {
  readonly name: string
}

/** What a server does under load, and how often at least while it pushes for a second. */
export const callsUnderLoad: readonly (readonly [CallName, kind: string, often: number])[] = [
  ['create', 'a temporary file', 20],
  ['write', 'a temporary file', 20],
  ['sync', 'a temporary file', 20],
  ['close', 'a temporary file', 20],
  ['rename', 'a blob', 10],
  ['sync', 'a shard folder', 10],
  ['mkdir', 'a shard folder', 2],
  ['sync', 'an algorithm folder', 2],
  ['rename', 'an upload', 10],
  ['sync', 'the folder of uploads', 10],
  ['unlink', 'an upload', 5],
  ['write', "the database's log", 60],
  ['sync', "the database's log", 20],
  ['write', 'the database', 20],
  ['sync', 'the database', 1],
  ['rename', 'the journal', 1],
  ['sync', 'the folder of the journal', 1],
  ['unlink', 'a blob', 2],
]

/** In an order of its own for each seed; all of them come before one comes again. */
export function* failpointsUnderLoad(
  random: Random,
  isWanted: (point: Failpoint) => boolean = () => true,
): Generator<Failpoint, never> {
  for (;;) {
    const points: Failpoint[] = []
    for (const [call, kind, often] of callsUnderLoad) {
      for (const action of actionsOf(call)) {
        const nth = random.whole(1, often)
        points.push({
          name: `${action} ${call} of ${kind}`,
          call,
          kind: kinds.indexOf(kind),
          nth,
          action,
        })
      }
    }
    yield* shuffled(points.filter(isWanted), random)
  }
}

function actionsOf(call: CallName): readonly Action[] {
  return call === 'write'
    ? ['kill before', 'kill in the middle', 'kill after']
    : ['kill before', 'kill after']
}

function shuffled<T>(items: readonly T[], random: Random): readonly T[] {
  return items
    .map((item) => ({ item, at: random.next() }))
    .sort((one, other) => one.at - other.at)
    .map(({ item }) => item)
}
