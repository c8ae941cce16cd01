// `carrel user edit|disable|enable`.
import type { Command } from 'commander'

import { usageError } from '../cli-error.ts'
import type { CommandContext } from '../context.ts'
import { describeCommand } from '../help-text.ts'
import { addManagementOptions, withApi } from '../management.ts'
import type { ManagementOptions } from '../management.ts'
import { guessing } from '../not-found.ts'
import { guessUser } from './user-show.ts'

interface Options extends ManagementOptions {
  readonly json?: boolean
}

interface EditOptions extends Options {
  readonly admin?: boolean
  readonly notAdmin?: boolean
  readonly displayName?: string
}

const userJson = `"name", "displayName"?, "provider", "admin", "disabled", "totp",
  "createdAt", "lastSeenAt"?`

export function defineChanges(command: Command, context: CommandContext): void {
  defineEdit(command, context)
  defineSwitch(command, context, {
    verb: 'disable',
    summary: 'keep a user from signing in, and stop all tokens of the user',
    more: 'Nothing is lost: grants, teams and repositories stay as they are.',
    said: (name) => `${name} can no longer sign in, and no token of ${name} works`,
  })
  defineSwitch(command, context, {
    verb: 'enable',
    summary: 'let a user sign in again',
    more: 'Tokens that have not ended meanwhile work again.',
    said: (name) => `${name} can sign in again`,
  })
}

function defineEdit(command: Command, context: CommandContext): void {
  const edit = describeCommand(command.command('edit'), {
    summary: 'make a user an administrator, or none; change the name for people',
    examples: [
      'carrel user edit ann --admin',
      'carrel user edit ann --not-admin',
      'carrel user edit ann --display-name "Ann Example"',
    ],
    json: `{ ${userJson} }`,
  })
  edit
    .argument('<NAME>')
    .option('--admin', 'may do everything')
    .option('--not-admin', 'may do what grants say, and no more')
    .option('--display-name <TEXT>', 'how people call the user; "" for none')
  addManagementOptions(edit).action(async (name: string, options: EditOptions) => {
    const { output } = context
    const change = changeOf(options)
    await withApi(context, options, async (api) => {
      const guess = guessUser(api, name, (near) => `carrel user edit ${near} …`)
      const user = await guessing(guess, async () => api.call('users.change', { name, ...change }))
      if (options.json) output.json(user)
      output.say(`changed ${user.admin ? 'administrator' : 'user'} ${name}`)
    })
  })
}

function changeOf({ admin, notAdmin, displayName }: EditOptions) {
  if (admin === true && notAdmin === true) {
    throw usageError('--admin and --not-admin exclude each other', { fix: 'use one' })
  }
  const wanted = admin === true || notAdmin === true ? { admin: admin === true } : {}
  const named = displayName === undefined ? {} : { displayName: displayName || null }
  const change = { ...wanted, ...named }
  if (Object.keys(change).length > 0) return change
  throw usageError('nothing to change was given', {
    fix: 'add --admin, --not-admin or --display-name',
  })
}

interface Switch {
  readonly verb: 'disable' | 'enable'
  readonly summary: string
  readonly more: string
  readonly said: (name: string) => string
}

function defineSwitch(
  command: Command,
  context: CommandContext,
  { verb, summary, more, said }: Switch,
): void {
  const turn = describeCommand(command.command(verb), {
    summary,
    more,
    examples: [`carrel user ${verb} ann`],
    json: `{ ${userJson} }`,
  })
  addManagementOptions(turn.argument('<NAME>')).action(async (name: string, options: Options) => {
    const { output } = context
    const change = { name, disabled: verb === 'disable' }
    await withApi(context, options, async (api) => {
      const guess = guessUser(api, name, (near) => `carrel user ${verb} ${near}`)
      const user = await guessing(guess, async () => api.call('users.change', change))
      if (options.json) output.json(user)
      output.say(said(name))
    })
  })
}
