// The table: one line per figure, one column per subject, and beside each of Carrel's figures how it
// stands against the best peer's. Markdown, to be pasted into docs/performance.md.
import type { Login } from './door.ts'
import type { Machine } from './machine.ts'
import type { Options } from './options.ts'
import type { Outcome } from './run-work.ts'
import type { Subject } from './subjects/subject.ts'
import type { Line, Work } from './work.ts'

type Column = Pick<Subject, 'kind' | 'name' | 'title'>

export interface Report {
  readonly works: readonly Pick<Work, 'name' | 'lines'>[]
  readonly subjects: readonly Column[]
  readonly outcomes: readonly Outcome[]
}

const longestFailure = 60

export function machineText(machine: Machine, generators: string): string {
  const { cores, processor, memoryGiB, kernel, node, commit, folder, fileSystem } = machine
  return [
    `Measured on ${machine.date} at commit ${commit}: ${cores} cores (${processor}), ${memoryGiB} GiB of memory, ${kernel}, Node ${node}, data in ${folder} (${fileSystem}), load ${machine.load.toFixed(2)} before the run. ${generators}`,
    ...machine.warnings.map((warning) => `**Warning:** ${warning}`),
  ].join('\n\n')
}

export function tableText(report: Report): string {
  const { works, subjects } = report
  const rows = works.flatMap((work) =>
    work.lines.map((line) => [
      line.title,
      ...subjects.map((subject) => cellOf(report, work.name, line, subject)),
    ]),
  )
  const header = ['work', ...subjects.map(({ title }) => title)]
  const ruler = ['---', ...subjects.map(() => '---:')]
  return [header, ruler, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

export function tableNote({ rounds, seconds }: Pick<Options, 'rounds' | 'seconds'>): string {
  return `Medians of ${rounds} turns, of ${seconds} s where the work has no end of its own. In brackets: how many times as good as the best registry beside it; above 1, Carrel is better.`
}

function cellOf(report: Report, work: string, line: Line, subject: Column): string {
  const login = subject.kind === 'carrel' ? line.carrel : line.peers
  if (login === undefined) return '–'
  const outcome = find(report, work, subject.name, login)
  if (outcome === undefined) return '–'
  if (outcome.failure !== undefined) return `failed: ${shorten(outcome.failure)}`
  const value = outcome.medians[line.figure]
  if (value === undefined || Number.isNaN(value)) return '–'
  const text = `${value.toLocaleString('en', {
    minimumFractionDigits: line.digits,
    maximumFractionDigits: line.digits,
  })}${line.unit}`
  if (subject.kind === 'peer') return text
  const ratio = ratioToBestPeer(report, work, line, value)
  return ratio === undefined ? text : `**${text}** (${ratio.toFixed(2)} ×)`
}

/** Above 1 when `value` is better. */
function ratioToBestPeer(
  report: Report,
  work: string,
  line: Line,
  value: number,
): number | undefined {
  const { peers } = line
  if (peers === undefined) return undefined
  const figures = report.subjects
    .filter(({ kind }) => kind === 'peer')
    .map(({ name }) => find(report, work, name, peers))
    .filter((outcome) => outcome !== undefined && outcome.failure === undefined)
    .map((outcome) => outcome?.medians[line.figure] ?? Number.NaN)
    .filter((figure) => figure > 0)
  if (figures.length === 0 || value <= 0) return undefined
  return line.better === 'more' ? value / Math.max(...figures) : Math.min(...figures) / value
}

function find(
  { outcomes }: Report,
  work: string,
  subject: string,
  login: Login,
): Outcome | undefined {
  return outcomes.find(
    (outcome) => outcome.work === work && outcome.subject === subject && outcome.login === login,
  )
}

/** On one line, and nothing in it that Markdown takes for a column. */
function shorten(text: string): string {
  const line = text.split('\n')[0]?.replaceAll('|', '/') ?? ''
  return line.length > longestFailure ? `${line.slice(0, longestFailure)}…` : line
}
