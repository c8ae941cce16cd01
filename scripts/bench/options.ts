// The command line of `npm run bench`.
import { parseArgs } from 'node:util'

export interface Options {
  /** Of each turn. */
  readonly seconds: number
  readonly rounds: number
  /** The large layer, in MiB. */
  readonly big: number
  readonly uploads: number
  /** Repositories, and tags of one repository, that are listed from. */
  readonly listed: number
  readonly tags: number
  /** Undefined: all. */
  readonly only: readonly string[] | undefined
  readonly subjects: readonly string[]
  readonly json: string | undefined
}

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export interface Choices {
  readonly works: readonly { readonly name: string; readonly about: string }[]
  readonly subjects: readonly { readonly name: string; readonly about: string }[]
}

const defaultSubjects = 'carrel,reg28,reg3,zot'

const wholeNumbers = {
  secs: { fallback: 3, least: 1, help: 'seconds of each turn' },
  rounds: { fallback: 3, least: 2, help: 'turns of each subject; the table shows medians' },
  big: { fallback: 1024, least: 1, help: 'MiB of the large layer' },
  uploads: { fallback: 200, least: 1, help: 'uploads of 16 MiB at once' },
  listed: { fallback: 100_000, least: 2, help: 'repositories, and tags of one, to list from' },
  tags: { fallback: 1_000_000, least: 1000, help: 'tags that a starting server finds' },
} as const

/** Undefined: the caller asked for help. @throws {UsageError} */
export function parseOptions(args: readonly string[], choices: Choices): Options | undefined {
  const values = readValues(args)
  if (values.help === true) return undefined
  const number = (name: keyof typeof wholeNumbers) => wholeNumberOf(name, values[name])
  return {
    seconds: number('secs'),
    rounds: number('rounds'),
    big: number('big'),
    uploads: number('uploads'),
    listed: number('listed'),
    tags: number('tags'),
    only: listOf('--only', values.only, choices.works),
    subjects: listOf('--subjects', values.subjects ?? defaultSubjects, choices.subjects) ?? [],
    json: values.json,
  }
}

export function usageText({ works, subjects }: Choices): string {
  const numbers = Object.entries(wholeNumbers).map(([name, { fallback, help }]) => ({
    name: `--${name} N`,
    about: `${help} (${fallback})`,
  }))
  const rows = (list: readonly { readonly name: string; readonly about: string }[]) =>
    list.map(({ name, about }) => `  ${name.padEnd(18)}${about}`).join('\n')
  return `npm run bench -- [OPTION…]

Measures Carrel and the registries that this machine has, in turn, and prints a Markdown table.

${rows(numbers)}
${rows([
  { name: '--only ROW,…', about: 'these rows alone' },
  { name: '--subjects NAME,…', about: `what is measured (${defaultSubjects})` },
  { name: '--json FILE', about: 'every figure of every turn' },
])}

Rows:
${rows(works)}

Subjects:
${rows(subjects)}
`
}

function readValues(args: readonly string[]) {
  const text = { type: 'string' } as const
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        secs: text,
        rounds: text,
        big: text,
        uploads: text,
        listed: text,
        tags: text,
        only: text,
        subjects: text,
        json: text,
        help: { type: 'boolean', short: 'h' },
      },
    })
    return values
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function wholeNumberOf(name: keyof typeof wholeNumbers, value: string | undefined): number {
  const { fallback, least } = wholeNumbers[name]
  if (value === undefined) return fallback
  const number = Number(value)
  if (Number.isSafeInteger(number) && number >= least) return number
  throw new UsageError(`--${name} is a whole number of at least ${least}, not ${value}.`)
}

function listOf(
  flag: string,
  value: string | undefined,
  known: readonly { readonly name: string }[],
): readonly string[] | undefined {
  if (value === undefined) return undefined
  const wanted = value.split(',').filter((name) => name !== '')
  const names = known.map(({ name }) => name)
  const wrong = wanted.find((name) => !names.includes(name))
  if (wrong === undefined) return names.filter((name) => wanted.includes(name))
  throw new UsageError(`${flag} does not know "${wrong}". There are: ${names.join(', ')}.`)
}
