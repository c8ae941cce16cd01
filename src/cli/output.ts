// What a command prints and where: data to standard output, everything said to a person to standard error.
import { hasColor, isLively, widthOf } from './cli-io.ts'
import type { CliIo } from './cli-io.ts'
import type { CliError } from './cli-error.ts'
import { renderTable, renderTabSeparated } from './table.ts'
import type { Column } from './table.ts'
import { asTyped, createPaint, printable, wrap } from './text.ts'
import type { Paint } from './text.ts'

export interface Verbosity {
  readonly quiet: boolean
  readonly verbose: boolean
}

export interface Output {
  readonly io: CliIo
  readonly verbosity: Verbosity
  /** Colours for standard output. */
  readonly paint: Paint
  /** Whether a person reads standard output. */
  readonly terminal: boolean
  /** Whether progress may be drawn on standard error. */
  readonly lively: boolean
  readonly width: number
  data(text: string): void
  json(value: unknown): void
  list<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): void
  /** Said unless --quiet. `carrel …` in it becomes what this person types. */
  say(text: string): void
  /** Said with --verbose only. */
  detail(text: string): void
  warn(text: string): void
  error(error: CliError): void
}

export function createOutput(io: CliIo, verbosity: Verbosity): Output {
  const terminal = io.stdout.isTTY === true
  const paint = createPaint(hasColor(io.stdout, io.env))
  const paintError = createPaint(hasColor(io.stderr, io.env))
  const width = widthOf(io.stdout)
  const data = (text: string) => void io.stdout.write(text)
  const message = (text: string) => void io.stderr.write(`${asTyped(text, io.program)}\n`)
  const errorWidth = io.stderr.isTTY === true ? widthOf(io.stderr) : Infinity
  return {
    io,
    verbosity,
    paint,
    terminal,
    lively: isLively(io.stderr, io.env) && !verbosity.quiet,
    width,
    data,
    json: (value) => data(`${JSON.stringify(value, undefined, terminal ? 2 : 0)}\n`),
    list(rows, columns) {
      if (!terminal) data(renderTabSeparated(rows, columns))
      else if (rows.length > 0) data(renderTable(rows, columns, { paint, width }))
    },
    say(text) {
      if (!verbosity.quiet) message(text)
    },
    detail(text) {
      if (verbosity.verbose) message(text)
    },
    warn(text) {
      if (verbosity.quiet) return
      const [head, ...rest] = hanging('warning: ', text, errorWidth)
      message([head?.replace('warning:', paintError('yellow', 'warning:')), ...rest].join('\n'))
    },
    error(error) {
      const { what, why, fix } = error.failure
      const [head, ...rest] = hanging('error: ', what, errorWidth)
      message([head?.replace('error:', paintError(['bold', 'red'], 'error:')), ...rest].join('\n'))
      if (why !== undefined) message(hanging('  why: ', why, errorWidth).join('\n'))
      // Not wrapped: it is there to be copied.
      if (fix !== undefined) message(`  try: ${printable(fix)}`)
      if (verbosity.verbose && error.cause instanceof Error) message(error.cause.stack ?? '')
    },
  }
}

/** Lines that begin below each other after the label; without a width, broken only where the text is. */
function hanging(label: string, text: string, width: number): readonly string[] {
  const indent = ' '.repeat(label.length)
  const lines = text.split('\n').flatMap((line) => wrap(printable(line), width - label.length))
  return lines.map((line, index) => `${index === 0 ? label : indent}${line}`)
}
