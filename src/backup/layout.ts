// What a backup is made of, as keys of objects below its root:
//   carrel-backup.json            whose it is, and how it is encrypted; never changed
//   snapshots/<id>.json           one snapshot; written last, so that a snapshot is there whole or not at all
//   tables/<id>.<table>.jsonl.gz  its rows; tables/<id>.blob-list.txt.gz the blobs that it needs
//   files/<id>.<n>                its files
//   blobs/<aa>/<name>             shared by all snapshots: named for their digest, or a keyed hash of it
//   locks/<holder>                who writes here now
//   damaged/<name>.<time>         moved aside by verify, so that the next run copies them anew
import { randomBytes } from 'node:crypto'
import { parseKey, type Key } from '../storage/driver.ts'

export const headerKey = parseKey('carrel-backup.json')
export const snapshotsFolder = parseKey('snapshots')
export const tablesFolder = parseKey('tables')
export const filesFolder = parseKey('files')
export const blobsFolder = parseKey('blobs')
export const locksFolder = parseKey('locks')

/** In order of time: `20260131T235959.123Z-1a2b3c4d`. */
export function newSnapshotId(now = new Date()): string {
  const time = now.toISOString().replaceAll(/[-:]/g, '')
  return `${time}-${randomBytes(4).toString('hex')}`
}

export const snapshotIdPattern = /^\d{8}T\d{6}\.\d{3}Z-[0-9a-f]{8}$/

export function snapshotKey(id: string): Key {
  return parseKey(`${snapshotsFolder}/${id}.json`)
}

/** `undefined` when the key is none of a snapshot. */
export function snapshotIdOf(key: Key): string | undefined {
  const name = key.slice(snapshotsFolder.length + 1)
  const id = name.endsWith('.json') ? name.slice(0, -'.json'.length) : ''
  return snapshotIdPattern.test(id) ? id : undefined
}

export function tableKey(id: string, table: string): Key {
  return parseKey(`${tablesFolder}/${id}.${table}.jsonl.gz`)
}

export function blobListKey(id: string): Key {
  return parseKey(`${tablesFolder}/${id}.blob-list.txt.gz`)
}

export function fileKey(id: string, number: number): Key {
  return parseKey(`${filesFolder}/${id}.${number}`)
}

/** Which snapshot a table or file belongs to. */
export function ownerOf(key: Key): string | undefined {
  const name = key.slice(key.indexOf('/') + 1)
  const id = name.slice(0, '20260131T235959.123Z-1a2b3c4d'.length)
  return snapshotIdPattern.test(id) ? id : undefined
}

/** `name` is hexadecimal. */
export function blobKeyOf(name: string): Key {
  return parseKey(`${blobsFolder}/${name.slice(0, 2)}/${name}`)
}

export function damagedKey(key: Key): Key {
  return parseKey(`damaged/${key.replaceAll('/', '.')}.${Date.now()}`)
}
