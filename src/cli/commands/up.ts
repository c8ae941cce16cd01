// `carrel up`: the same server as `carrel serve`, for a person who watches it.
import type { Command } from 'commander'

import type { CommandContext } from '../context.ts'
import { describeCommand } from '../help-text.ts'
import { addServerOptions, serve } from './serve.ts'
import type { ServerFlags } from './serve.ts'

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'start, and show what to do next',
    more: 'Needs no settings. Shows pushes as they come; without a terminal it logs as serve does.',
    examples: [
      'carrel up',
      'carrel up --listen 0.0.0.0:5443      let other machines in',
      'carrel up --open                     no login, this machine only',
    ],
  })
  addServerOptions(command)
  command.action((options: ServerFlags) => serve(context, options, { friendly: true }))
}
