// `carrel backup create|ls|verify|restore|drill`: copies of everything, kept elsewhere, and the proof that they are good.
import type { Command } from 'commander'

import type { CommandContext } from '../context.ts'
import { describeCommand } from '../help-text.ts'
import { defineCreate } from './backup-create.ts'
import { defineDrill, defineRestore } from './backup-restore.ts'
import { defineList, defineVerify } from './backup-verify.ts'

export function define(command: Command, context: CommandContext): void {
  describeCommand(command, {
    summary: 'back up, check backups, restore',
    more:
      'Beside the data, with a server or without one. DEST is a folder, best on another machine; left out, it is the ' +
      'setting backup.to. The server makes backups by itself when that is set.',
    examples: ['carrel backup create /mnt/backup/carrel', 'carrel backup drill /mnt/backup/carrel'],
  })
  defineCreate(command, context)
  defineList(command, context)
  defineVerify(command, context)
  defineRestore(command, context)
  defineDrill(command, context)
}
