// Who gets in, and by what: settings that open more than usual, and files with passwords.
import { readFile, stat } from 'node:fs/promises'
import { bcryptCost } from '../../auth/password-hash.ts'
import { parseHtpasswd } from '../../auth/htpasswd.ts'
import { ok, problem, reasonOf, shellWord, warning, type Check } from './check.ts'

/** Whether anybody has to sign in, and whether passwords can be read on their way. */
export function checkDoors(settings: {
  readonly open: false | 'local' | 'everyone'
  readonly plainHttp: 'loopback' | 'everywhere'
}): readonly Check[] {
  const checks: Check[] = []
  if (settings.open === 'everyone') {
    const message = 'No authentication: whoever reaches the port may push, pull and delete.'
    checks.push(problem('authentication', message, 'CARREL_OPEN=false'))
  } else if (settings.open) {
    const message = 'No authentication: every program on this machine may push, pull and delete.'
    checks.push(warning('authentication', message, 'CARREL_OPEN=false'))
  } else {
    checks.push(ok('authentication', 'everybody signs in, but for public repositories'))
  }
  if (settings.plainHttp === 'everywhere') {
    const message = 'Plain HTTP is answered to everybody, so passwords can be read on their way.'
    checks.push(warning('plain HTTP', message, 'CARREL_PLAIN_HTTP=loopback'))
  } else {
    checks.push(ok('plain HTTP', 'for this machine only; others need TLS'))
  }
  return checks
}

const leastCost = 8

export async function checkHtpasswd(path: string): Promise<Check> {
  const name = 'htpasswd'
  const typed = shellWord(path)
  let users
  try {
    users = parseHtpasswd(await readFile(path, 'utf8'))
  } catch (error) {
    return problem(name, `${path} cannot be used: ${reasonOf(error)}.`, `ls -l ${typed}`)
  }
  if (users.refused.length > 0) {
    const message = `These users of ${path} cannot sign in, as their hashes are not bcrypt: ${someOf(users.refused)}.`
    return warning(name, message, `htpasswd -B -C 10 ${typed} ${users.refused[0]}`)
  }
  const cheap = [...users.hashes].filter(([, hash]) => (bcryptCost(hash) ?? 0) < leastCost)
  if (cheap.length > 0) {
    const names = cheap.map(([user]) => user)
    const message = `These passwords in ${path} are quickly guessed by whoever gets the file (bcrypt cost below ${leastCost}): ${someOf(names)}.`
    return warning(name, message, `htpasswd -B -C 10 ${typed} ${names[0]}`)
  }
  return ok(name, `${users.hashes.size} users in ${path}`)
}

function someOf(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(', ')
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown
}

export async function checkPasswordFile(path: string): Promise<Check> {
  const name = 'password file'
  const typed = shellWord(path)
  try {
    await readFile(path)
    const { mode } = await stat(path)
    if ((mode & 0o007) === 0) return ok(name, path)
    const message = `Everybody on this machine can read ${path}, which holds the administrator's first password.`
    return warning(name, message, `chmod 600 ${typed}`)
  } catch (error) {
    const message = `${path} (CARREL_ADMIN_PASSWORD_FILE) cannot be read (${reasonOf(error)}).`
    return problem(name, message, `ls -l ${typed}`)
  }
}
