// A list of things: aligned columns with a heading for people, tab-separated values without one for programs.
import { printable } from './text.ts'
import type { Paint } from './text.ts'

export interface Column<Row> {
  readonly title: string
  /** For people. */
  readonly show: (row: Row) => string
  /** For programs, where it differs: whole numbers, full dates, whole digests. */
  readonly plain?: (row: Row) => string
  readonly align?: 'left' | 'right'
}

export function renderTabSeparated<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
): string {
  return rows
    .map((row) => columns.map(({ show, plain = show }) => printable(plain(row))).join('\t') + '\n')
    .join('')
}

export interface TableStyle {
  readonly paint: Paint
  readonly width: number
}

export function renderTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  { paint, width }: TableStyle,
): string {
  const cells = rows.map((row) => columns.map(({ show }) => printable(show(row))))
  const widths = columns.map(({ title }, index) => widest(title, cells, index))
  const line = (texts: readonly string[]) =>
    cut(texts.map((text, index) => pad(text, widths[index] ?? 0, columns[index])).join('  '), width)
  const heading = paint('bold', line(columns.map(({ title }) => title.toUpperCase())))
  return [heading, ...cells.map(line)].map((each) => `${each}\n`).join('')
}

function widest(title: string, cells: readonly (readonly string[])[], index: number): number {
  let most = title.length
  for (const row of cells) most = Math.max(most, row[index]?.length ?? 0)
  return most
}

function pad(text: string, width: number, column: { readonly align?: string } | undefined): string {
  return column?.align === 'right' ? text.padStart(width) : text.padEnd(width)
}

function cut(line: string, width: number): string {
  const text = line.trimEnd()
  return text.length > width ? `${text.slice(0, width - 1)}…` : text
}
