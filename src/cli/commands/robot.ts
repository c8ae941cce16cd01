// `carrel robot create|rotate|ls|disable|enable|rm`.
import type { Command } from 'commander'

import type { ApiClient } from '../../contract/client.ts'
import type { OutputOf } from '../../contract/operations.ts'
import { addRemovalOptions } from '../common-options.ts'
import type { CommandContext } from '../context.ts'
import { parseExpiry } from '../duration.ts'
import { describeCommand } from '../help-text.ts'
import { addManagementOptions, collect, gather, withApi } from '../management.ts'
import type { ManagementOptions } from '../management.ts'
import { guessing } from '../not-found.ts'
import { agreeToRemoval } from '../removal.ts'
import type { RemovalOptions } from '../removal.ts'
import { addRotationOptions, oldSecretOf, printSecret, rotationOf, untilOf } from '../secrets.ts'
import type { RotationOptions } from '../secrets.ts'
import type { Column } from '../table.ts'
import { formatMoment, plural } from '../text.ts'

type Robot = OutputOf<'robots.show'>

interface Options extends ManagementOptions {
  readonly json?: boolean
}

const robotJson = `"name", "description", "disabled", "grants", "createdAt", "createdBy"?, "lastSeenAt"?,
   "token": as carrel token ls prints it`

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'robots: accounts of programs, such as CI',
    more: 'A robot signs in with its name and one secret; grants say what it may do.',
    examples: [
      "carrel robot create ci --scope 'web/app:pull,push'",
      'carrel robot rotate ci > ci.secret',
      'carrel robot ls',
    ],
  })
  defineCreate(command, context)
  defineRotate(command, context)
  defineLs(command, context)
  defineSwitch(command, context, { verb: 'disable', disabled: true })
  defineSwitch(command, context, { verb: 'enable', disabled: false })
  defineRm(command, context)
}

interface CreateOptions extends Options {
  readonly description?: string
  readonly scope?: readonly string[]
  readonly expires?: string
}

function defineCreate(command: Command, context: CommandContext): void {
  const create = describeCommand(command.command('create'), {
    summary: 'make a robot, and print its secret',
    more: 'The secret is all that goes to standard output. It is shown this once.',
    examples: [
      "carrel robot create ci --scope 'web/app:pull,push' --scope 'web/base:pull'",
      'carrel robot create deploy --expires never > deploy.secret',
    ],
    json: `{ ${robotJson},\n  "secret" }`,
  })
  create
    .argument('<NAME>')
    .option('--description <TEXT>', 'what it is for')
    .option('--scope <WHERE:ACTIONS>', 'what it may do; repeatable', gather)
    .option('--expires <WHEN>', 'when its secret ends: 90d, 2027-01-31, never; 90d')
  addManagementOptions(create).action(async (name: string, options: CreateOptions) => {
    const { output } = context
    const { description, scope, expires } = options
    const input = {
      name,
      ...(description !== undefined && { description }),
      ...(scope !== undefined && { scopes: scope }),
      ...(expires !== undefined && { expiresAt: parseExpiry(expires, '--expires') }),
    }
    const made = await withApi(context, options, async (api) => api.call('robots.create', input))
    printSecret(output, made, options)
    const grants = plural(made.grants, 'grant')
    output.say(`made robot ${name} with ${grants}, ${untilOf(made.token?.expiresAt)}`)
    if (made.grants === 0) output.say(`next: carrel grant add robot:${name} WHERE writer`)
    output.say(`it signs in so: docker login -u ${name} --password-stdin HOST`)
  })
}

function defineRotate(command: Command, context: CommandContext): void {
  const rotate = describeCommand(command.command('rotate'), {
    summary: 'give a robot a new secret, and print it',
    more: 'The old secret works on until its use has stopped, so that nothing stands still meanwhile.',
    examples: ['carrel robot rotate ci > ci.secret', 'carrel robot rotate ci --grace 0'],
    json: `{ ${robotJson},\n  "secret" }`,
  })
  addManagementOptions(addRotationOptions(rotate.argument('<NAME>'))).action(
    async (name: string, options: Options & RotationOptions) => {
      const { output } = context
      const input = { name, ...rotationOf(options) }
      await withApi(context, options, async (api) => {
        const guess = guessRobot(api, name, (near) => `carrel robot rotate ${near}`)
        const made = await guessing(guess, () => api.call('robots.rotate', input))
        printSecret(output, made, options)
        output.say(`robot ${name} has a new secret, ${untilOf(made.token?.expiresAt)}`)
        if (made.token !== undefined) output.say(oldSecretOf(made.token))
      })
    },
  )
}

function defineLs(command: Command, context: CommandContext): void {
  const ls = describeCommand(command.command('ls'), {
    summary: 'list robots: what they have, until when, and when they were used',
    more: 'Without a terminal: name, state, grants, expiry, last use, from where, secrets, maker, description, tab-separated.',
    examples: ['carrel robot ls', 'carrel robot ls --json'],
    json: `[{ ${robotJson} }]`,
  })
  addManagementOptions(ls).action(async (options: Options) => {
    const { output } = context
    const robots = await withApi(context, options, async (api) =>
      collect(api.pages('robots.list', { limit: 500 })),
    )
    if (options.json) output.json(robots)
    else output.list(robots, columns)
    if (robots.length === 0 && !options.json) {
      output.say('no robots yet; try: carrel robot create NAME')
    }
  })
}

interface Switch {
  readonly verb: 'disable' | 'enable'
  readonly disabled: boolean
}

function defineSwitch(command: Command, context: CommandContext, { verb, disabled }: Switch): void {
  const change = describeCommand(command.command(verb), {
    summary: disabled ? 'keep a robot from signing in' : 'let a robot sign in again',
    examples: [`carrel robot ${verb} ci`],
    json: `{ ${robotJson} }`,
  })
  addManagementOptions(change.argument('<NAME>')).action(async (name: string, options: Options) => {
    const { output } = context
    await withApi(context, options, async (api) => {
      const guess = guessRobot(api, name, (near) => `carrel robot ${verb} ${near}`)
      const robot = await guessing(guess, () => api.call('robots.change', { name, disabled }))
      if (options.json) output.json(robot)
      output.say(`${verb}d robot ${name}`)
    })
  })
}

function defineRm(command: Command, context: CommandContext): void {
  const rm = describeCommand(command.command('rm'), {
    summary: 'remove a robot with its secrets and grants',
    examples: ['carrel robot rm ci --dry-run', 'carrel robot rm ci --yes'],
    json: '{ "name", "removed": true|false }',
  })
  rm.argument('<NAME>')
  addManagementOptions(addRemovalOptions(rm)).action(
    async (name: string, options: Options & RemovalOptions) => {
      const { output } = context
      await withApi(context, options, async (api) => {
        const guess = guessRobot(api, name, (near) => `carrel robot rm ${near}`)
        const { grants } = await guessing(guess, () => api.call('robots.show', { name }))
        const held = plural(grants, 'grant')
        const consequences = `robot ${name} is removed with ${held}; what it pushed stays`
        const agreed = await agreeToRemoval(output, consequences, options)
        if (agreed) {
          await api.call('robots.remove', { name })
          output.say(`removed robot ${name}`)
        }
        if (options.json) output.json({ name, removed: agreed })
      })
    },
  )
}

function guessRobot(api: ApiClient, name: string, fix: (near: string) => string) {
  const known = async () =>
    (await collect(api.pages('robots.list', { limit: 500 }))).map((one) => one.name)
  return { name, known, fix, otherwise: 'carrel robot ls' }
}

const columns: readonly Column<Robot>[] = [
  { title: 'name', show: ({ name }) => name },
  { title: 'state', show: stateOf },
  { title: 'grants', show: ({ grants }) => String(grants), align: 'right' },
  {
    title: 'until',
    show: ({ token }) => momentOr(token?.expiresAt, token === undefined ? '' : 'never ends'),
    plain: ({ token }) => token?.expiresAt ?? '',
  },
  {
    title: 'last used',
    show: ({ token }) => momentOr(token?.lastUsedAt, 'never'),
    plain: ({ token }) => token?.lastUsedAt ?? '',
  },
  { title: 'from', show: ({ token }) => token?.lastUsedFrom ?? '' },
  {
    title: 'secrets',
    show: ({ token }) => (token?.secrets ?? []).map(({ state }) => state).join(', '),
  },
  { title: 'by', show: ({ createdBy }) => createdBy ?? '' },
  { title: 'description', show: ({ description }) => description },
]

function stateOf({ disabled, token }: Robot): string {
  if (disabled) return 'disabled'
  return token?.state ?? 'without secret'
}

function momentOr(time: string | undefined, none: string): string {
  return time === undefined ? none : formatMoment(new Date(time))
}
