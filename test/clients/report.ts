// The table client × step: printed after the tests, and with CARREL_TEST_CLIENTS_REPORT written as
// Markdown into that folder, from which scripts/clients.mjs makes docs/clients.md.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Row {
  readonly client: string
  readonly version: string
  readonly door: string
  readonly cells: readonly {
    readonly step: string
    readonly ms: number
    readonly error: Error | undefined
  }[]
}

const commonSteps = [
  'wrong password',
  'login',
  'push',
  'pull',
  'same digest',
  'index',
  'mount',
  'delete',
]

export function reportTable(name: string, rows: readonly Row[]): void {
  if (rows.length === 0) return
  const lines = [['client', 'over', ...commonSteps, 'more'], ...rows.map(cellsOf)]
  process.stdout.write(`\n${columns(lines)}\n\n`)
  const folder = process.env['CARREL_TEST_CLIENTS_REPORT']
  if (folder === undefined) return
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    join(folder, `${name.replaceAll(/\W+/g, '-')}.md`),
    `## ${name}\n\n${markdown(lines)}`,
  )
}

function cellsOf(row: Row): string[] {
  const mark = (step: string): string => {
    const cell = row.cells.find((one) => one.step === step)
    if (cell === undefined) return '–'
    return cell.error === undefined ? '✔' : '✖'
  }
  const more = row.cells
    .filter(({ step }) => !commonSteps.includes(step))
    .map(({ step }) => `${mark(step)} ${step}`)
  return [`${row.client} ${row.version}`, row.door, ...commonSteps.map(mark), more.join(', ')]
}

function columns(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  )
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function markdown(lines: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const [head = [], ...rest] = lines
  const rule = head.map((_, column) => (column > 1 && column < head.length - 1 ? ':-:' : '---'))
  return `${[head, rule, ...rest].map(line).join('\n')}\n`
}
