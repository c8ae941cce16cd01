// The command line: from what was typed to an exit code. Nothing here ends the process.
import type { CliIo } from './cli-io.ts'
import type { Composition } from './composition.ts'

/** `argv` is what stands after the program's name. */
export async function run(
  argv: readonly string[],
  io: CliIo,
  composition: Composition,
): Promise<number> {
  // Scripts and shells ask for the version often; it needs none of what the commands load.
  const [word = '', ...more] = argv
  if (more.length === 0 && ['version', '--version', '-V'].includes(word)) {
    io.stdout.write(`carrel ${composition.version}\n`)
    return 0
  }
  const { runCommand } = await import('./command-line.ts')
  return await runCommand(argv, io, composition)
}
