// One thing that was looked at. A check that fails is a result, not an error.

export interface Check {
  readonly name: string
  /** `note`: nothing is wrong, and it is worth knowing. */
  readonly status: 'ok' | 'note' | 'warning' | 'problem'
  readonly message: string
  /** One line to run or to set. */
  readonly fix?: string
}

export function ok(name: string, message: string): Check {
  return { name, status: 'ok', message }
}

export function note(name: string, message: string, fix?: string): Check {
  return { name, status: 'note', message, ...(fix !== undefined && { fix }) }
}

export function warning(name: string, message: string, fix: string): Check {
  return { name, status: 'warning', message, fix }
}

export function problem(name: string, message: string, fix: string): Check {
  return { name, status: 'problem', message, fix }
}

/** What a failed call of the system is about: its code where it has one, which is shorter than its message. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as NodeJS.ErrnoException
  if (error.cause instanceof Error) return `${error.message} (${reasonOf(error.cause)})`
  return typeof code === 'string' && /^E[A-Z]+$/.test(code) ? code : error.message
}

/** A path as it can be typed into a shell. */
export function shellWord(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
