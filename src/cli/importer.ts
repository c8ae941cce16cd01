// What commands take over from other registries' files; src/compose-installation.ts implements it.

/** What an installation can take over. Every method throws InstallationError 'invalid' for a file that is none. */
export interface Importer {
  importHtpasswd(
    text: string,
    options: { readonly dryRun: boolean },
  ): Promise<{ readonly users: readonly ImportedUser[]; readonly imported: boolean }>
  importDockerAuth(
    text: string,
    options: { readonly dryRun: boolean; readonly skipUntranslatable: boolean },
  ): Promise<DockerAuthImport>
}

export interface ImportedUser {
  readonly name: string
  readonly outcome: 'added' | 'exists' | 'refused'
  readonly reason?: string | undefined
}

export interface DockerAuthImport {
  readonly users: readonly ImportedUser[]
  readonly entries: readonly ImportedEntry[]
  readonly notes: readonly string[]
  readonly imported: boolean
}

export interface ImportedEntry {
  readonly entry: number
  readonly text: string
  readonly outcome: 'grants' | 'nothing' | 'untranslatable'
  readonly reason?: string | undefined
  readonly grants: readonly {
    readonly subject: { readonly kind: string; readonly name?: string }
    readonly place: { readonly text: string }
    readonly actions: readonly string[]
  }[]
}
