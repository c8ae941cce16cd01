// The same commands beside the data and over the network, and what each of them printed in a form in which both can be
// compared: without the names that tell the two apart, and without numbers, times and secrets.
import { fileURLToPath } from 'node:url'
import { runProgram, type Environment, type ProgramResult } from './processes.ts'
import { withoutSettings, type StartedRegistry } from './start-registry.ts'

const carrel = fileURLToPath(new URL('../../carrel', import.meta.url))

export type Way = 'data' | 'host'

export interface Asked {
  readonly input?: string
  /** The exit code, when it is not 0. */
  readonly code?: number
}

export interface Printed {
  readonly command: string
  readonly stdout: string
  readonly stderr: string
}

export interface Terminal {
  /** Makes a name that this way has to itself. */
  readonly name: (text: string) => string
  /** Runs it in this way. @throws {Error} when it ends otherwise than it should */
  run(args: readonly string[], asked?: Asked): Promise<ProgramResult>
  /** The same with --json, and what that is. */
  runJson(args: readonly string[], asked?: Asked): Promise<unknown>
  /** All that was printed until now, comparable. */
  readonly printed: readonly Printed[]
}

export function openTerminal(
  way: Way,
  registry: StartedRegistry,
  { token, env }: { readonly token: string; readonly env: Environment },
): Terminal {
  const printed: Printed[] = []
  const place = way === 'data' ? ['--data', registry.dataDir] : ['--host', registry.url]
  const environment = {
    ...withoutSettings(process.env),
    ...env,
    ...(way === 'host' && { CARREL_TOKEN: token }),
  }

  async function run(args: readonly string[], asked: Asked = {}): Promise<ProgramResult> {
    const { input = '', code = 0 } = asked
    const result = await runProgram(carrel, [...args, ...place], { env: environment, input })
    const command = comparable(args.join(' '))
    if (result.code !== code) {
      throw new Error(
        `carrel ${args.join(' ')} (${way}) ended with ${result.code}: ${result.output}`,
      )
    }
    printed.push({
      command,
      stdout: comparable(ownLines(result.stdout, way)),
      stderr: comparable(result.stderr),
    })
    return result
  }

  return {
    name: (text) => `${text}-${way}`,
    run,
    runJson: async (args, asked) =>
      JSON.parse((await run([...args, '--json'], asked)).stdout) as unknown,
    printed,
  }
}

/** Of lists, those lines and items that are not of the other way. */
function ownLines(text: string, way: Way): string {
  const other = way === 'data' ? '-host' : '-data'
  const isOwn = (part: string) => !part.includes(other)
  if (!text.startsWith('[{')) return text.split('\n').filter(isOwn).join('\n')
  const items = JSON.parse(text) as readonly unknown[]
  return JSON.stringify(items.filter((item) => isOwn(JSON.stringify(item))))
}

/** Whoever runs commands on the machine itself has no account: nothing is said to be given or made by anybody. */
function comparable(text: string): string {
  return text
    .replaceAll(/-(?:data|host)\b/g, '')
    .replaceAll(/carrel_[a-z]+_[0-9A-Za-z]{36}/g, 'SECRET')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replaceAll(/\d{4}-\d\d-\d\d(?: \d\d:\d\d(?: UTC)?)?/g, 'TIME')
    .replaceAll(/"(?:createdBy|grantedBy|made[Bb]y)":"[^"]*",?/g, '')
    .replaceAll(/,(?=[}\]])/g, '')
    .replaceAll(/"(id|seq|entry|grantId|actorId)":\d+/g, '"$1":N')
    .replaceAll(/\b(grant|token|session|rm|rotate|revoke|edit|show) \d+\b/g, '$1 N')
    .replaceAll(/^(id\t|grant,|)\d+(?=[\t,\n])/gm, '$1N')
    .replaceAll(/\t(?:admin|operator)(?=\t|$)/gm, '\t')
}
