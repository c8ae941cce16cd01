// The section auth: htpasswd, token, none, and those that cannot be had.
import type { SettingKey } from '../settings.ts'
import { typeOf } from './configuration.ts'
import { at, nameAt, pathAt, switchAt, textAt, textsAt, type Reading } from './section.ts'
import type { TokenAuthConfig } from './types.ts'

export interface Registry2Auth {
  readonly htpasswdFile?: string
  readonly tokenAuth?: TokenAuthConfig
}

export interface AuthOptions {
  /** What was set by Carrel's own means. */
  readonly given: ReadonlySet<SettingKey>
  /** The file that somebody gave, in which a missing section means something. */
  readonly file: string | undefined
}

export function readAuth(reading: Reading, options: AuthOptions): Registry2Auth {
  const type = typeOf(reading.configuration.tree, 'auth')
  switch (type) {
    case 'htpasswd':
      return readHtpasswd(reading)
    case 'token':
      return readToken(reading)
    case undefined:
      if (options.file !== undefined)
        requireDecision(reading, options, `${options.file} has no auth`)
      return {}
    default:
      break
  }
  const name = nameAt(reading, `auth.${type}`)
  if (type.toLowerCase() === 'none') {
    requireDecision(reading, options, `${name} asks for no login`)
    return {}
  }
  const what =
    type === 'silly' ? 'silly lets in whoever sends any login at all' : 'there is no such auth'
  reading.problem(`${name}: ${what}. ${choices}`)
  return {}
}

const choices =
  'Set auth.htpasswd or auth.token; or say what you want with CARREL_OPEN: false for the logins that Carrel keeps ' +
  'itself, everyone for no login at all'

/** Any of these says that Carrel's own logins are wanted, or none. */
const decisive: readonly SettingKey[] = ['open', 'htpasswd', 'singleSignOn', 'adminPasswordFile']

/** registry:2 let everybody in. That is not repeated in silence, and not changed in silence either. */
function requireDecision(reading: Reading, { given }: AuthOptions, why: string): void {
  if (decisive.some((key) => given.has(key))) return
  reading.problem(`${why}: registry:2 let in everybody who could reach it. ${choices}`)
}

function readHtpasswd(reading: Reading): Registry2Auth {
  for (const key of ['realm', 'path']) {
    if (typeof at(reading, `auth.htpasswd.${key}`) === 'string') continue
    reading.problem(
      `${nameAt(reading, 'auth.htpasswd')}: "${key}" must be set for htpasswd access controller`,
    )
  }
  const file = pathAt(reading, 'auth.htpasswd.path')
  return file === undefined ? {} : { htpasswdFile: file }
}

const defaultRedirectPath = '/auth/token'

function readToken(reading: Reading): Registry2Auth {
  const key = 'auth.token'
  const [realm = '', issuer = '', service = ''] = ['realm', 'issuer', 'service'].map((each) => {
    const value = at(reading, `${key}.${each}`)
    if (typeof value === 'string') return value
    reading.problem(`${nameAt(reading, key)}: token auth requires a valid option string: "${each}"`)
    return ''
  })
  const rootCertBundleFile = pathAt(reading, `${key}.rootcertbundle`)
  const jwksFile = pathAt(reading, `${key}.jwks`)
  if (rootCertBundleFile === undefined && jwksFile === undefined) {
    reading.problem(
      `${nameAt(reading, key)}: token auth requires at least one token signing key: rootcertbundle or jwks`,
    )
  }
  return {
    tokenAuth: {
      realm,
      service,
      issuer,
      ...(rootCertBundleFile !== undefined && { rootCertBundleFile }),
      ...(jwksFile !== undefined && { jwksFile }),
      autoRedirect: switchAt(reading, `${key}.autoredirect`) ?? false,
      autoRedirectPath: textAt(reading, `${key}.autoredirectpath`) ?? defaultRedirectPath,
      signingAlgorithms: textsAt(reading, `${key}.signingalgorithms`),
    },
  }
}
