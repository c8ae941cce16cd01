// A volume of registry:2 that is or was taken over, in words.
import type { AdoptionEvent } from './adoption.ts'
import { progressLine } from './progress.ts'
import { formatBytes, formatSeconds, plural } from './text.ts'

type Adopting = AdoptionEvent & { readonly kind: 'adopting' }
type Adopted = AdoptionEvent & { readonly kind: 'adopted' }

export function adoptingLine({ progress }: Adopting): string {
  return progress === undefined ? '  Taking over a volume of registry:2 …' : progressLine(progress)
}

export function adoptedLines(adopted: Adopted): readonly string[] {
  const { repositories, tags, bytes, seconds, losses, directory } = adopted
  const what = `${plural(repositories, 'repository', 'repositories')} and ${plural(tags, 'tag')}`
  const done = `  Taken over from registry:2 in ${formatSeconds(seconds)}: ${what}, ${formatBytes(bytes)}.`
  return losses === 0 ? [done] : [done, `  ${lostInVolume(losses, directory)}`]
}

export function lostInVolume(losses: number, directory: string): string {
  return `${plural(losses, 'thing')} in the volume could not be taken over: carrel adopt --check ${directory}`
}
