// The table of what clients sign in with: printed after the tests, and with CARREL_TEST_CLIENTS_REPORT written as
// Markdown into that folder, from which scripts/clients.mjs makes docs/clients.md.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Cell {
  readonly client: string
  readonly column: string
  readonly isRight: boolean
}

export function reportAccess(cells: readonly Cell[]): void {
  if (cells.length === 0) return
  const columns = [...new Set(cells.map(({ column }) => column))]
  const clients = [...new Set(cells.map(({ client }) => client))]
  const rows = clients.map((client) => [
    client,
    ...columns.map((column) => markOf(cells, client, column)),
  ])
  const head = ['client', ...columns]
  const width = Math.max(...head.map((title) => title.length)) + 2
  const text = [head, ...rows].map((row) =>
    row
      .map((one) => one.padEnd(width))
      .join('')
      .trimEnd(),
  )
  process.stdout.write(`\n${text.join('\n')}\n\n`)
  const folder = process.env['CARREL_TEST_CLIENTS_REPORT']
  if (folder === undefined) return
  const rule = head.map((_, index) => (index === 0 ? '---' : ':-:'))
  const table = [head, rule, ...rows].map((row) => `| ${row.join(' | ')} |`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'Signing-in.md'), `## Signing in\n\n${table.join('\n')}\n`)
}

function markOf(cells: readonly Cell[], client: string, column: string): string {
  const cell = cells.find((one) => one.client === client && one.column === column)
  if (cell === undefined) return '–'
  return cell.isRight ? '✔' : '✖'
}
