// Tables for spreadsheet programs: RFC 4180, and no cell that such a program would take for a formula.

export interface CsvColumn<Row> {
  readonly title: string
  readonly value: (row: Row) => string
}

export function csvHeading<Row>(columns: readonly CsvColumn<Row>[]): string {
  return csvLine(columns.map(({ title }) => title))
}

export function csvRow<Row>(columns: readonly CsvColumn<Row>[], row: Row): string {
  return csvLine(columns.map(({ value }) => value(row)))
}

function csvLine(cells: readonly string[]): string {
  return `${cells.map(cell).join(',')}\r\n`
}

function cell(text: string): string {
  const harmless = /^\s*[=+\-@|%＝＋－＠]|^\s/.test(text) ? `'${text}` : text
  return /[",\r\n']/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
