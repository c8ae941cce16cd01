// Texts for people: sizes, times, colours, wrapped lines; and the guard against what a terminal would obey.
import { styleText } from 'node:util'

export type Style = Parameters<typeof styleText>[0]
export type Paint = (style: Style, text: string) => string

export function createPaint(color: boolean): Paint {
  if (!color) return (_style, text) => text
  return (style, text) => styleText(style, text, { validateStream: false })
}

/** Without control characters: names and messages from elsewhere must not move a terminal's cursor. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- these are the very characters to remove
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ')
}

const units = ['kB', 'MB', 'GB', 'TB', 'PB']

/** Decimal units, as docker prints them: `3.6 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  let size = bytes / 1000
  let unit = 0
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000
    unit += 1
  }
  return `${size < 9.95 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`
}

export function formatSeconds(seconds: number): string {
  if (seconds < 59.95) return `${seconds < 9.95 ? seconds.toFixed(1) : Math.round(seconds)} s`
  const whole = Math.round(seconds)
  return `${Math.floor(whole / 60)} min ${whole % 60} s`
}

export function formatMoment(moment: Date): string {
  return `${moment.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`
}

/** Lines of at most `width` characters, broken at blanks only. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line]
}

/** A line to type, as this person has to type it. */
export function asTyped(text: string, program: string): string {
  return text.replace(/(^|[\s(`'":])carrel(?= [a-z-])/g, (_, before: string) => before + program)
}
