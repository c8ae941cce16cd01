// One line for each thing that happens on a running server, for the one who watches it in a terminal.
import type { LiveEvent } from './serve-events.ts'
import { asTyped, formatBytes, formatSeconds, printable, wrap } from './text.ts'
import type { Paint } from './text.ts'

export interface LiveLineStyle {
  readonly paint: Paint
  readonly width: number
  readonly program: string
  /** Whether a push would be the first of this installation. */
  readonly first: boolean
}

const indent = 4

/** The line, or more where it is too wide; without a line break at the end. */
export function liveLine(event: LiveEvent, style: LiveLineStyle): string {
  const { paint, width, program } = style
  const [mark, color] = marks[event.kind]
  const [head = '', ...rest] = wrap(asTyped(describe(event, style.first), program), width - indent)
  const lines = [
    `  ${paint(color, mark)} ${head}`,
    ...rest.map((line) => ' '.repeat(indent) + line),
  ]
  return lines.join('\n')
}

const marks = {
  'tls-refused': ['●', 'yellow'],
  login: ['●', 'cyan'],
  'login-failed': ['●', 'yellow'],
  upload: ['●', 'cyan'],
  pushed: ['✓', 'green'],
} as const

function describe(event: LiveEvent, first: boolean): string {
  switch (event.kind) {
    case 'tls-refused': {
      const client = event.client === undefined ? '' : ` (${printable(event.client)})`
      return `${printable(event.address)} connected${client}, not trusting our certificate yet → run the ca.sh line there`
    }
    case 'login':
      return `login ${printable(event.name)} from ${printable(event.address)}`
    case 'login-failed':
      return `login ${printable(event.name)} from ${printable(event.address)} refused: wrong name or password`
    case 'upload':
      return `${printable(event.repository)}: ${formatBytes(event.bytes)} so far`
    case 'pushed': {
      const image = imageName(event.repository, event.reference)
      const size = formatBytes(event.bytes)
      const time = formatSeconds(event.seconds)
      return first
        ? `first image pushed in ${time}: ${image}, ${size}`
        : `${image} pushed in ${time}, ${size}`
    }
  }
}

/** A digest stands after an @, and only its beginning is shown. */
export function imageName(repository: string, reference: string): string {
  const isDigest = reference.includes(':')
  return printable(
    isDigest ? `${repository}@${reference.slice(0, 19)}…` : `${repository}:${reference}`,
  )
}
