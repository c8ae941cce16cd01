// One thing, a field a line: for people with bold labels in a column, for programs tab-separated.
import type { Output } from './output.ts'
import { formatMoment, printable } from './text.ts'

export type Field = readonly [label: string, value: string]

export function printFields(output: Output, fields: readonly Field[]): void {
  const width = Math.max(...fields.map(([label]) => label.length)) + 2
  for (const [label, value] of fields) {
    const name = output.terminal ? output.paint('bold', label.padEnd(width)) : `${label}\t`
    output.data(`${name}${printable(value)}\n`)
  }
}

/** A time of the API; `none` is for people, programs get nothing. */
export function timeField(output: Output, time: string | undefined, none: string): string {
  if (time === undefined) return output.terminal ? none : ''
  return output.terminal ? formatMoment(new Date(time)) : time
}
