// Measures Carrel beside other registries: `npm run bench`. Every subject is a whole process, started
// as an operator starts it; all of them do the same work in turn within one run, because a figure says
// something only beside the others of that run. Nothing is asserted: exit 0 means that it measured.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Environment } from '../../test/support/processes.ts'
import type { Bench } from './bench.ts'
import { makeCertificate } from './certificate.ts'
import { findOnPath } from './find-program.ts'
import { startLoadProcess } from './load/load-process.ts'
import { describeMachine } from './machine.ts'
import { parseOptions, usageText, UsageError, type Options } from './options.ts'
import { runWork, type Outcome } from './run-work.ts'
import { findSubjects, knownSubjects } from './subjects/find-subjects.ts'
import { machineText, tableNote, tableText } from './table.ts'
import type { Work } from './work.ts'
import { allWorks } from './works/works.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const usageExit = 2
const interruptedExit = 130

const say = (line: string) => void process.stderr.write(`${line}\n`)

async function main(args: readonly string[], env: Environment): Promise<number> {
  if (process.platform !== 'linux') {
    say('The bench reads memory and processor time from /proc, so it runs on Linux only.')
    return usageExit
  }
  const choices = {
    works: allWorks({ big: 1024, uploads: 200, listed: 100_000, tags: 1_000_000 }),
    subjects: knownSubjects,
  }
  let options: Options | undefined
  try {
    options = parseOptions(args, choices)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    say(`${error.message}\n\n${usageText(choices)}`)
    return usageExit
  }
  if (options === undefined) {
    process.stdout.write(usageText(choices))
    return 0
  }
  const interruption = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => interruption.abort())
  }
  try {
    await measure(options, env, interruption.signal)
    return 0
  } catch (error) {
    if (error instanceof UsageError) {
      say(error.message)
      return usageExit
    }
    if (!interruption.signal.aborted) throw error
    say('Interrupted: everything that was started has ended.')
    return interruptedExit
  }
}

async function measure(
  options: Options,
  env: Environment,
  interrupted: AbortSignal,
): Promise<void> {
  await using owned = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'carrel-bench-'))
  owned.defer(async () => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  const subjects = await findSubjects(options.subjects, { env, owned, say })
  if (subjects.length === 0) throw new UsageError('There is nothing to measure.')
  const machine = describeMachine(root, tmpdir())
  for (const warning of machine.warnings) say(`Warning: ${warning}`)

  const bench: Bench = {
    options,
    folder,
    interrupted,
    say,
    certificate: await makeCertificate(folder),
    load: owned.use(startLoadProcess(interrupted)),
    besideLoad: owned.use(startLoadProcess(interrupted)),
    wrk: findOnPath(env, 'wrk'),
    curl: findOnPath(env, 'curl'),
  }
  const works = possibleWorks(bench)
  const outcomes: Outcome[] = []
  for (const work of works) outcomes.push(...(await runWork(bench, work, subjects)))

  const generators = generatorsText(bench)
  const report = { works, subjects, outcomes }
  process.stdout.write(
    `\n${machineText(machine, generators)}\n\n${tableText(report)}\n\n${tableNote(options)}\n`,
  )
  if (options.json === undefined) return
  const titles = subjects.map(({ name, title }) => ({ name, title }))
  const all = { machine, generators, options, subjects: titles, outcomes }
  await writeFile(options.json, `${JSON.stringify(all, undefined, 2)}\n`)
}

function possibleWorks(bench: Bench): readonly Work[] {
  const { only } = bench.options
  return allWorks(bench.options).filter((work) => {
    if (only !== undefined && !only.includes(work.name)) return false
    if (work.needs === undefined || bench[work.needs] !== undefined) return true
    say(`${work.name} is left out: it needs ${work.needs}.`)
    return false
  })
}

function generatorsText({ wrk, curl }: Bench): string {
  const small = wrk === undefined ? 'GET, HEAD' : 'GET of small things by wrk; HEAD'
  const large = curl === undefined ? '' : '; large GET by curl'
  return `Load: ${small}, pushes and steady rates by a process of our own${large}.`
}

// oxlint-disable-next-line node/no-process-env -- read here once and passed on
process.exitCode = await main(process.argv.slice(2), process.env)
