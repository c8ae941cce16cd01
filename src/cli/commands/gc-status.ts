// What `carrel gc status` prints for people, and for programs without --json.
import type { OutputOf } from '../../contract/operations.ts'
import { printFields } from '../fields.ts'
import type { Output } from '../output.ts'
import type { Column } from '../table.ts'
import { formatBytes, formatMoment, plural } from '../text.ts'

type Status = OutputOf<'collection.status'>
type Thing = Status['things'][number]

export function printStatus(output: Output, status: Status): void {
  if (!output.terminal) {
    output.list(status.things, columns)
    return
  }
  const { reclaimable, trash, last } = status
  printFields(output, [
    ['will come back', `${formatBytes(reclaimable.bytes)} in ${plural(reclaimable.blobs, 'blob')}`],
    ['in the trash', `${formatBytes(trash.bytes)} in ${plural(trash.blobs, 'blob')}`],
    ['last run', last === undefined ? 'never' : lastText(last)],
    ...(status.running ? [['now', 'collection is running'] as const] : []),
    ...(status.heldByBackup
      ? [['held up', 'a backup is being made; nothing goes for good'] as const]
      : []),
  ])
  const waiting = status.waiting.filter(({ count }) => count > 0)
  if (waiting.length > 0) {
    output.data('\n')
    output.list(waiting, waitingColumns(status))
  }
  if (status.things.length === 0) return
  output.data('\n')
  output.list(status.things, columns)
  if (status.more) output.say('there is more: carrel gc status --all')
}

function lastText({ endedAt, bytes, errors }: NonNullable<Status['last']>): string {
  const failed = errors === 0 ? '' : `; ${plural(errors, 'error')}, see the log`
  return `${formatMoment(new Date(endedAt))}, ${formatBytes(bytes)} came back${failed}`
}

function waitingColumns({ keep }: Status): readonly Column<Status['waiting'][number]>[] {
  const words = {
    'deleted-repositories': ['deleted repositories', `kept ${lengthOf(keep.deleted)}`],
    'deleted-manifests': ['deleted images', `kept ${lengthOf(keep.deleted)}`],
    'collected-manifests': ['collected images', `kept ${lengthOf(keep.trash)}`],
    'trashed-blobs': ['blobs in the trash', `kept ${lengthOf(keep.trash)}`],
    'manifest-reviews': ['images to look at', `after ${lengthOf(keep.untagged)}`],
    'blob-reviews': ['blobs to look at', `after ${lengthOf(keep.unreferenced)}`],
  } as const
  return [
    { title: 'waiting', show: ({ kind }) => words[kind][0] },
    { title: 'count', show: ({ count }) => count.toLocaleString('en'), align: 'right' },
    { title: 'how long', show: ({ kind }) => words[kind][1] },
    { title: 'first due', show: ({ next }) => momentOf(next) },
  ]
}

const columns: readonly Column<Thing>[] = [
  { title: 'kept', show: nameOf, plain: ({ kind }) => kind },
  { title: '', show: () => '', plain: ({ repository }) => repository ?? '' },
  { title: '', show: () => '', plain: ({ digest }) => digest ?? '' },
  { title: '', show: () => '', plain: ({ tags }) => tags.join(',') },
  {
    title: 'size',
    show: ({ bytes }) => formatBytes(bytes),
    plain: ({ bytes }) => String(bytes),
    align: 'right',
  },
  {
    title: 'why',
    show: ({ reason, deletedBy }) => (deletedBy === undefined ? reason : `deleted by ${deletedBy}`),
    plain: ({ reason }) => reason,
  },
  { title: 'until', show: ({ due }) => momentOf(due), plain: ({ due }) => due ?? '' },
]

/** `web/app:1.0`, `web/app@sha256:4f2a…`, `sha256:4f2a…` */
function nameOf({ repository, digest, tags }: Thing): string {
  const [tag] = tags
  if (repository !== undefined && tag !== undefined) {
    return `${repository}:${tag}${tags.length > 1 ? ` +${tags.length - 1}` : ''}`
  }
  const short = digest?.replace(/^([^:]+:.{12}).*$/, '$1')
  return repository === undefined || short === undefined
    ? (repository ?? short ?? '')
    : `${repository}@${short}`
}

function momentOf(time: string | undefined): string {
  return time === undefined ? '' : formatMoment(new Date(time))
}

function lengthOf(seconds: number | null): string {
  if (seconds === null) return 'for ever'
  for (const [unit, size] of [
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
  ] as const) {
    if (seconds >= size && seconds % size === 0) return plural(seconds / size, unit)
  }
  return plural(seconds, 'second')
}
