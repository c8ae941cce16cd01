// All commands, with what the list of commands says. A command's own file is loaded when it is called.
import type { Command } from 'commander'

import type { CommandContext } from './context.ts'

export interface CommandModule {
  /** Gives the command its options, sub-commands and action. */
  readonly define: (command: Command, context: CommandContext) => void
}

export interface CommandEntry {
  readonly name: string
  readonly summary: string
  readonly load: () => Promise<CommandModule>
}

export const commandList: readonly CommandEntry[] = [
  {
    name: 'up',
    summary: 'start, and show what to do next',
    load: () => import('./commands/up.ts'),
  },
  {
    name: 'serve',
    summary: 'start as a service, with a log',
    load: () => import('./commands/serve.ts'),
  },
  {
    name: 'registry',
    summary: 'take the place of registry:2: its commands, its configuration',
    load: () => import('./commands/registry.ts'),
  },
  {
    name: 'doctor',
    summary: 'check this installation, and say what to do',
    load: () => import('./commands/doctor.ts'),
  },
  {
    name: 'login',
    summary: 'sign in to a server, and keep a token for it',
    load: () => import('./commands/login.ts'),
  },
  {
    name: 'logout',
    summary: 'sign out of a server: end the token that is kept for it',
    load: () => import('./commands/logout.ts'),
  },
  {
    name: 'whoami',
    summary: 'say who you are at a server, or where you are signed in',
    load: () => import('./commands/whoami.ts'),
  },
  {
    name: 'repo',
    summary: 'list, make, change and remove repositories',
    load: () => import('./commands/repo.ts'),
  },
  {
    name: 'tag',
    summary: 'list, remove and restore tags',
    load: () => import('./commands/tag.ts'),
  },
  {
    name: 'user',
    summary: 'list, make, change and remove users; set passwords',
    load: () => import('./commands/user.ts'),
  },
  {
    name: 'team',
    summary: 'teams: who shares grants',
    load: () => import('./commands/team.ts'),
  },
  {
    name: 'grant',
    summary: 'grants: who may do what where',
    load: () => import('./commands/grant.ts'),
  },
  {
    name: 'namespace',
    summary: 'namespaces: whose they are, and what is made in them',
    load: () => import('./commands/namespace.ts'),
  },
  {
    name: 'token',
    summary: 'tokens: what programs sign in with instead of a password',
    load: () => import('./commands/token.ts'),
  },
  {
    name: 'robot',
    summary: 'robots: accounts of programs, such as CI',
    load: () => import('./commands/robot.ts'),
  },
  {
    name: 'federation',
    summary: 'trust CI jobs: they sign in without any secret',
    load: () => import('./commands/federation.ts'),
  },
  {
    name: 'session',
    summary: 'sessions: sign-ins that are still good',
    load: () => import('./commands/session.ts'),
  },
  {
    name: 'access',
    summary: 'who may do what and why; review and take away what nobody uses',
    load: () => import('./commands/access.ts'),
  },
  {
    name: 'audit',
    summary: 'the audit log: list, check, export',
    load: () => import('./commands/audit.ts'),
  },
  {
    name: 'import',
    summary: 'take over users and rights from another registry',
    load: () => import('./commands/import.ts'),
  },
  {
    name: 'adopt',
    summary: 'look at a volume of registry:2 before it is taken over',
    load: () => import('./commands/adopt.ts'),
  },
  {
    name: 'export',
    summary: 'write images for registry:2, or as an OCI image layout',
    load: () => import('./commands/export.ts'),
  },
  {
    name: 'admin',
    summary: 'get in again; replace the keys that sign tokens',
    load: () => import('./commands/admin.ts'),
  },
  {
    name: 'backup',
    summary: 'back up, check backups, restore',
    load: () => import('./commands/backup.ts'),
  },
  {
    name: 'gc',
    summary: 'see and run the collection of what nothing needs',
    load: () => import('./commands/gc.ts'),
  },
  {
    name: 'fsck',
    summary: 'prove that everything kept is there and unharmed',
    load: () => import('./commands/fsck.ts'),
  },
  {
    name: 'rebuild',
    summary: 'make a lost or damaged database anew from the storage',
    load: () => import('./commands/rebuild.ts'),
  },
  {
    name: 'read-only',
    summary: 'stop pushes and deletes for a while',
    load: () => import('./commands/read-only.ts'),
  },
  {
    name: 'service',
    summary: 'run as a service of systemd',
    load: () => import('./commands/service.ts'),
  },
  {
    name: 'config',
    summary: 'show and check the settings',
    load: () => import('./commands/config.ts'),
  },
  {
    name: 'version',
    summary: 'print the version',
    load: () => import('./commands/version.ts'),
  },
  {
    name: 'help',
    summary: 'help for a command, or: exit-codes, environment',
    load: () => import('./commands/help.ts'),
  },
]
