// What the program tells people to type must be there to be typed: every line of the form `carrel …` in the sources is
// read as the command line would read it, and every flag that is told alone belongs to some command.
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { Command, CommanderError } from 'commander'

import { commandList } from './command-list.ts'
import type { CommandContext } from './context.ts'
import { createOutput } from './output.ts'
import { createWorld, MemoryStream } from './test-support.ts'

const source = join(import.meta.dirname, '..')
const folders = ['access', 'installation', 'auth', 'sign-on', 'http']

interface Line {
  readonly file: string
  readonly text: string
}

/** Texts of the sources with what stands in `${}` as X, which may be a name, a number or a place. */
async function textsOf(folder: string): Promise<readonly Line[]> {
  const lines: Line[] = []
  const entries = await readdir(join(source, folder), { recursive: true })
  for (const file of entries) {
    const isOurs = file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.includes('test-')
    if (!isOurs) continue
    const text = await readFile(join(source, folder, file), 'utf8')
    for (const [literal] of text.replaceAll(/^\s*(?:\/\/|\/?\*).*$/gm, '').matchAll(literals)) {
      const inner = literal.slice(1, -1).replaceAll(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, 'X')
      lines.push({ file: `${folder}/${file}`, text: inner })
    }
  }
  return lines
}

const literals = /'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g

/** What looks like a command and is none: a name for a session, and what a secret is sealed with. */
const notTold: readonly string[] = ['login on X', 'totp X']

/** `carrel grant add user:NAME web/ owner`, wherever it stands in a text; without `carrel`. */
function commandsIn({ text }: Line): readonly string[] {
  return Array.from(
    text.matchAll(/(?:^|: |, |\bor )carrel ([a-z][a-z-]*(?: [^,;)\n]+)?)/g),
    ([, words = '']) => words.replace(/\.$/, ''),
  ).filter((words) => !notTold.includes(words))
}

async function aProgram(): Promise<Command> {
  const io = {
    stdin: process.stdin,
    stdout: new MemoryStream(false),
    stderr: new MemoryStream(false),
    env: {},
    cwd: '/',
    program: 'carrel',
  }
  const output = createOutput(io, { quiet: true, verbose: false })
  const context: CommandContext = { composition: createWorld().composition, output, exitCode: 0 }
  const program = new Command('carrel').exitOverride().configureOutput({ outputError: () => {} })
  for (const { name, load } of commandList) {
    const command = program.command(name)
    const { define } = await load()
    define(command, context)
  }
  for (const command of everyCommand(program)) {
    command.exitOverride().configureOutput({ outputError: () => {}, writeErr: () => {} })
    for (const option of command.options) option.argParser((value) => value)
    if (command.commands.length === 0) command.action(() => undefined)
  }
  return program
}

function everyCommand(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(everyCommand)]
}

function problemOf(program: Command, line: string): string | undefined {
  const words = line.split(' ').filter((word) => word !== '' && word !== '…')
  try {
    program.parse(words, { from: 'user' })
    return undefined
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return undefined
    return error instanceof Error ? error.message.slice(0, 100) : String(error)
  }
}

suite('what people are told to type', () => {
  test('is a command that there is, with flags that it has', async () => {
    const program = await aProgram()
    const wrong: string[] = []
    let count = 0
    for (const folder of folders) {
      for (const text of await textsOf(folder)) {
        for (const line of commandsIn(text)) {
          count += 1
          const problem = problemOf(program, line)
          if (problem !== undefined) wrong.push(`${text.file}: carrel ${line}: ${problem}`)
        }
      }
    }
    assert.deepEqual(wrong, [])
    assert.ok(count > 40, String(count))
  })

  test('is a flag of some command where it is a flag alone', async () => {
    const program = await aProgram()
    const flags = new Set(
      everyCommand(program).flatMap(({ options }) => options.map(({ long }) => long)),
    )
    let count = 0
    for (const folder of ['access', 'installation']) {
      for (const { file, text } of await textsOf(folder)) {
        const [, flag] = /^(--[a-z-]+)(?: |$)/.exec(text) ?? []
        if (flag === undefined) continue
        count += 1
        assert.ok(flags.has(flag), `${file}: ${text}`)
      }
    }
    assert.ok(count > 5, String(count))
  })

  test('would be found to be wrong', async () => {
    const program = await aProgram()
    for (const line of [
      'nothing',
      'user',
      'user nothing ann',
      'user edit ann --rename x',
      'namespace create team --owned-by user:ann',
      'user disable',
      'user disable ann bob',
    ]) {
      assert.notEqual(problemOf(program, line), undefined, line)
    }
    for (const line of [
      'user edit ann --admin',
      'namespace create X --owner user:X',
      'up',
      // Told by access/explain.ts, which puts the noun together.
      ...['user', 'robot', 'federation'].map((noun) => `${noun} enable X`),
    ]) {
      assert.equal(problemOf(program, line), undefined, line)
    }
  })
})
