// `carrel version`.
import type { Command } from 'commander'

import type { CommandContext } from '../context.ts'
import { describeCommand } from '../help-text.ts'

export function define(command: Command, { composition, output }: CommandContext): void {
  describeCommand(command, {
    summary: 'print the version',
    examples: ['carrel version', 'carrel version --json'],
    json: '{ "version", "node", "platform" }',
  })
  command.action((options: { readonly json?: boolean }) => {
    const { version } = composition
    const node = process.versions.node
    const platform = `${process.platform}-${process.arch}`
    if (options.json) output.json({ version, node, platform })
    else output.data(`carrel ${version}\n`)
    if (!options.json) output.detail(`node ${node}, ${platform}`)
  })
}
