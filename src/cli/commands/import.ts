// `carrel import htpasswd|docker-auth FILE`: users, and what they may do, from another registry's files.
import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'

import { CliError, usageError } from '../cli-error.ts'
import { addPlaceOptions } from '../common-options.ts'
import { withInstallation } from '../context.ts'
import type { CommandContext, PlaceOptions } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { describeCommand } from '../help-text.ts'
import type { DockerAuthImport, ImportedEntry, ImportedUser, Importer } from '../importer.ts'
import type { Column } from '../table.ts'
import { plural } from '../text.ts'

interface Options extends PlaceOptions {
  readonly json?: boolean
  readonly dryRun?: boolean
  readonly skipUntranslatable?: boolean
}

const userJson = '"users": [{ "name", "outcome": "added"|"exists"|"refused", "reason"? }]'

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'take over users and rights from another registry',
    more: 'Beside the data only, not over the network.',
    examples: [
      'carrel import htpasswd auth/htpasswd --dry-run',
      'carrel import docker-auth auth_config.yml --dry-run',
    ],
  })
  defineHtpasswd(command, context)
  defineDockerAuth(command, context)
}

function defineHtpasswd(command: Command, context: CommandContext): void {
  const htpasswd = describeCommand(command.command('htpasswd'), {
    summary: 'make users of an htpasswd file into users of Carrel',
    more:
      'They sign in with the passwords that they have; the file is no longer needed. Only bcrypt is taken. ' +
      'Users that are there already are left as they are. FILE may be - for standard input.',
    examples: [
      'carrel import htpasswd auth/htpasswd --dry-run',
      'carrel import htpasswd - < auth/htpasswd',
    ],
    json: `{ ${userJson},\n  "imported": true|false }`,
  })
  addPlaceOptions(htpasswd.argument('<FILE>'))
    .option('--dry-run', 'only say what would happen')
    .action(async (file: string, options: Options) => {
      const { output } = context
      const text = await readText(context, file)
      const dryRun = options.dryRun === true
      const done = await withImporter(context, options, async (importer) =>
        importer.importHtpasswd(text, { dryRun }),
      )
      if (options.json) output.json(done)
      else output.list(done.users, userColumns)
      output.say(summaryOf(done.users, dryRun))
    })
}

function defineDockerAuth(command: Command, context: CommandContext): void {
  const dockerAuth = describeCommand(command.command('docker-auth'), {
    summary: 'take over users and ACL of a docker_auth configuration',
    more:
      'In docker_auth the first entry that matches decides; in Carrel grants add up. What cannot be said exactly is ' +
      'named with the reason, and nothing is taken over then unless --skip-untranslatable is given.',
    examples: [
      'carrel import docker-auth auth_config.yml --dry-run',
      'carrel import docker-auth auth_config.yml --skip-untranslatable',
    ],
    json: `{ ${userJson},
  "entries": [{ "entry", "text", "outcome": "grants"|"nothing"|"untranslatable", "reason"?,
    "grants": [{ "subject", "place", "actions" }] }], "notes": [...], "imported": true|false }`,
  })
  addPlaceOptions(dockerAuth.argument('<FILE>'))
    .option('--dry-run', 'only say what would happen')
    .option('--skip-untranslatable', 'take over the rest')
    .action(async (file: string, options: Options) => {
      const { output } = context
      const text = await readText(context, file)
      const dryRun = options.dryRun === true
      const skipUntranslatable = options.skipUntranslatable === true
      const done = await withImporter(context, options, async (importer) =>
        importer.importDockerAuth(text, { dryRun, skipUntranslatable }),
      )
      if (options.json) output.json(done)
      else printPlan(context, done)
      for (const note of done.notes) output.say(note)
      if (!done.imported && !dryRun) throw notImported(done, file)
      output.say(summaryOf(done.users, dryRun))
    })
}

async function withImporter<T>(
  context: CommandContext,
  options: Options,
  work: (importer: Importer) => Promise<T>,
): Promise<T> {
  return withInstallation(context, { place: options, create: true }, async (installation) =>
    work(installation),
  )
}

const largestFile = 8 * 1024 * 1024

async function readText({ output }: CommandContext, file: string): Promise<string> {
  const { stdin, cwd } = output.io
  if (file === '-') return readAll(stdin)
  const path = resolve(cwd, file)
  const { size } = await stat(path)
  if (size > largestFile) throw tooLarge(file)
  return readFile(path, 'utf8')
}

async function readAll(stdin: AsyncIterable<Buffer | string>): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk)
    length += bytes.length
    if (length > largestFile) throw tooLarge('standard input')
    chunks.push(bytes)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function tooLarge(file: string): CliError {
  return usageError(`${file} is too large`, { why: `at most ${largestFile} bytes are read` })
}

const userColumns: readonly Column<ImportedUser>[] = [
  { title: 'user', show: ({ name }) => name },
  { title: 'outcome', show: ({ outcome }) => outcome },
  { title: 'reason', show: ({ reason = '' }) => reason },
]

interface Line {
  readonly entry: string
  readonly outcome: string
  readonly what: string
}

const lineColumns: readonly Column<Line>[] = [
  { title: 'entry', show: ({ entry }) => entry },
  { title: 'outcome', show: ({ outcome }) => outcome },
  { title: 'what', show: ({ what }) => what },
]

function printPlan({ output }: CommandContext, { users, entries }: DockerAuthImport): void {
  const lines: Line[] = users.map(({ name, outcome, reason = '' }) => {
    return { entry: `user ${name}`, outcome, what: reason }
  })
  output.list([...lines, ...entries.flatMap(linesOf)], lineColumns)
}

function linesOf({ entry, text, outcome, reason, grants }: ImportedEntry): readonly Line[] {
  const name = `acl ${entry}`
  const told: Line = {
    entry: name,
    outcome,
    what: reason === undefined ? text : `${text}: ${reason}`,
  }
  const given = grants.map(({ subject, place, actions }): Line => {
    const who = subject.name === undefined ? subject.kind : `${subject.kind}:${subject.name}`
    return { entry: name, outcome: 'grant', what: `${who} ${place.text} ${actions.join(',')}` }
  })
  return [told, ...given]
}

function notImported({ users, entries }: DockerAuthImport, file: string): CliError {
  const refused = users.filter(({ outcome }) => outcome === 'refused').length
  const left = entries.filter(({ outcome }) => outcome === 'untranslatable').length
  return new CliError(exitCodes.failed, {
    what: 'nothing was imported',
    why: `${plural(left, 'entry', 'entries')} and ${plural(refused, 'user')} cannot be taken over exactly`,
    fix: `carrel import docker-auth ${file} --skip-untranslatable`,
  })
}

function summaryOf(users: readonly ImportedUser[], dryRun: boolean): string {
  const count = (wanted: ImportedUser['outcome']) =>
    users.filter(({ outcome }) => outcome === wanted).length
  const made = `${plural(count('added'), 'user')} ${dryRun ? 'would be' : 'were'} made`
  return `${made}; ${count('exists')} were there, ${count('refused')} refused`
}
