// A tar archive (POSIX ustar) in memory: small, and the same bytes from the same content.

export type TarEntry =
  | { readonly path: string; readonly content: Buffer; readonly mode?: number }
  | { readonly path: string; readonly linkTo: string }
  | { readonly path: string; readonly folder: true; readonly mode?: number }

const blockBytes = 512

export function tarOf(entries: readonly TarEntry[]): Buffer {
  const blocks: Buffer[] = []
  for (const entry of entries) {
    blocks.push(headerOf(entry))
    if (!('content' in entry)) continue
    blocks.push(entry.content, Buffer.alloc(padding(entry.content.length)))
  }
  blocks.push(Buffer.alloc(2 * blockBytes))
  return Buffer.concat(blocks)
}

function padding(bytes: number): number {
  return (blockBytes - (bytes % blockBytes)) % blockBytes
}

function headerOf(entry: TarEntry): Buffer {
  const header = Buffer.alloc(blockBytes)
  const octal = (value: number, offset: number, width: number) =>
    header.write(`${value.toString(8).padStart(width - 1, '0')}\0`, offset)
  const isFolder = 'folder' in entry
  const mode = 'mode' in entry ? entry.mode : undefined
  header.write(isFolder ? `${entry.path}/` : entry.path, 0, 100)
  octal(mode ?? (isFolder ? 0o755 : 0o644), 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  octal('content' in entry ? entry.content.length : 0, 124, 12)
  octal(0, 136, 12)
  header.write(isFolder ? '5' : 'linkTo' in entry ? '2' : '0', 156)
  if ('linkTo' in entry) header.write(entry.linkTo, 157, 100)
  header.write('ustar\0', 257)
  header.write('00', 263)
  // The checksum counts itself as eight spaces.
  header.write(' '.repeat(8), 148)
  let sum = 0
  for (const byte of header) sum += byte
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}
