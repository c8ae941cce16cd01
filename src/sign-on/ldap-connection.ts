// One connection to a directory server for one question (RFC 4511), encrypted before anything is said.
//
// Invariants: a connection is opened once, so that the library can never open a second one without
// StartTLS behind our back; all of it ends at the deadline, with the sockets destroyed.
import { Client, ResultCodeError } from 'ldapts'
import type { Filter } from 'ldapts'
import { connect, isIP } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ConnectionOptions } from 'node:tls'
import { explicitBuffers, toDirectoryEntry } from './ldap-entry.ts'
import type { DirectoryEntry } from './ldap-entry.ts'
import { SignOnError, SignOnUnavailableError } from './providers-outcome.ts'
import type { LdapSettings } from './providers-settings.ts'

export interface Search {
  readonly base: string
  readonly filter: Filter
  readonly attributes: readonly string[]
  /** One of `attributes` whose values may be binary. */
  readonly subjectAttribute?: string
  /** No more entries are asked for; without a limit, pages are read to the end. */
  readonly limit?: number
}

export interface Directory {
  /** As the service account, or as nobody where there is none. */
  bindAccount(): Promise<void>
  /** Whether the server takes this password for this entry. */
  bindUser(dn: string, password: string): Promise<boolean>
  search(search: Search): Promise<readonly DirectoryEntry[]>
}

/** @throws {SignOnUnavailableError} when the server cannot be asked or does not do its part in time */
export async function withDirectory<T>(
  settings: LdapSettings,
  timeoutMs: number,
  work: (directory: Directory) => Promise<T>,
): Promise<T> {
  const { client, startTls, destroy } = openClient(settings)
  const deadline = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    const seconds = Math.round(timeoutMs / 100) / 10
    deadline.reject(new Error(`${settings.url} did not answer within ${seconds} s.`))
  }, timeoutMs)
  const question = async () => {
    if (settings.security === 'starttls') await startTls()
    return await work(toDirectory(client, settings))
  }
  try {
    return await Promise.race([question(), deadline.promise])
  } catch (error) {
    if (error instanceof SignOnError || error instanceof SignOnUnavailableError) throw error
    throw unavailable(settings, explain(error, settings), error)
  } finally {
    clearTimeout(timer)
    destroy()
  }
}

function openClient(settings: LdapSettings) {
  const { url, security, certificateAuthorities } = settings
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '')
  const tls: ConnectionOptions = {
    host,
    minVersion: 'TLSv1.2',
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(certificateAuthorities === undefined ? {} : { ca: certificateAuthorities }),
  }
  const sockets: Socket[] = []
  const keep = <S extends Socket>(open: () => S, limit: number): S => {
    if (sockets.length >= limit) throw new Error('The connection was closed.')
    const socket = open()
    sockets.push(socket)
    return socket
  }
  // StartTLS wraps the one plain socket in a second one.
  const secureLimit = security === 'starttls' ? 2 : 1
  const client = new Client({
    url,
    ...(security === 'ldaps' ? { tlsOptions: tls } : {}),
    createConnection: ((...args: Parameters<typeof connect>) =>
      keep(() => connect(...args), 1)) as typeof connect,
    createSecureConnection: ((...args: Parameters<typeof connectTls>) =>
      keep(() => connectTls(...args), secureLimit)) as typeof connectTls,
  })
  return {
    client,
    startTls: async () => {
      await client.startTLS(tls)
    },
    destroy: () => {
      for (const socket of sockets) {
        // The library takes its listeners off a socket that failed; a late error must not end the process.
        socket.on('error', () => undefined)
        socket.destroy()
      }
    },
  }
}

function toDirectory(client: Client, settings: LdapSettings): Directory {
  const { account } = settings
  return {
    async bindAccount() {
      try {
        await client.bind(account?.dn ?? '', account?.revealPassword() ?? '')
      } catch (error) {
        if (!(error instanceof ResultCodeError)) throw error
        const who = account === undefined ? 'a search without bindDn' : `the account ${account.dn}`
        const fix = `An administrator corrects bindDn and its password in single-sign-on.yaml`
        throw unavailable(settings, `It refuses ${who} (${nameOf(error)}). ${fix}.`, error)
      }
    },
    async bindUser(dn, password) {
      // Either would be a bind without a password, which succeeds for everybody (RFC 4513 section 5.1).
      if (dn === '' || password === '') return false
      try {
        await client.bind(dn, password)
        return true
      } catch (error) {
        if (error instanceof ResultCodeError && refusals.has(error.code)) return false
        throw error
      }
    },
    async search({ base, filter, attributes, subjectAttribute, limit }) {
      try {
        const { searchEntries } = await client.search(base, {
          filter,
          attributes: [...attributes],
          explicitBufferAttributes: explicitBuffers(subjectAttribute ?? ''),
          ...(limit === undefined ? { paged: { pageSize } } : { sizeLimit: limit }),
        })
        return searchEntries.map((entry) => toDirectoryEntry(entry))
      } catch (error) {
        const reason = error instanceof ResultCodeError ? explainSearch(error, base) : undefined
        throw reason === undefined ? error : unavailable(settings, reason, error)
      }
    },
  }
}

/** Active Directory answers with 1000 entries at most. */
const pageSize = 500

/**
 * Results of a bind that mean no to this person: wrong password, locked (19), no such entry or none with
 * a password, not allowed. Others mean that the server cannot do it, or not now.
 */
const refusals: ReadonlySet<number> = new Set([19, 32, 34, 48, 49, 50, 53])

function explainSearch({ code }: ResultCodeError, base: string): string | undefined {
  // No such object: to find nobody below it would mean that everybody was removed.
  if (code === 32) {
    return (
      `It shows no entry ${base}. An administrator corrects userBase or groupBase in ` +
      'single-sign-on.yaml, or lets the account of bindDn read it.'
    )
  }
  if (code === 4) {
    return (
      'It gives out fewer entries than there are groups of one user. An administrator raises its ' +
      'limit (sizelimit), or sets memberOfAttribute in single-sign-on.yaml.'
    )
  }
  return undefined
}

const asksForEncryption: ReadonlySet<number> = new Set([8, 13])

function explain(error: unknown, { url }: LdapSettings): string {
  if (!(error instanceof Error)) return `${url} cannot be used.`
  if (error instanceof ResultCodeError) {
    const wantsMore = asksForEncryption.has(error.code)
    const fix = wantsMore ? ' It asks for encryption: use ldaps:// or StartTLS.' : ''
    return `${url} answered with an error (${nameOf(error)}).${fix}`
  }
  const code = 'code' in error ? String(error.code) : ''
  if (certificateErrors.test(code)) {
    return (
      `The certificate of ${url} is not trusted (${code}). An administrator sets ` +
      'certificateAuthorityFile in single-sign-on.yaml to the authority that issued it.'
    )
  }
  return error.message.endsWith('.') ? error.message : `${url}: ${firstLine(error.message)}.`
}

const certificateErrors = /CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS/

function nameOf(error: ResultCodeError): string {
  return `result ${error.code}`
}

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? text

function unavailable(
  { title }: LdapSettings,
  reason: string,
  cause: unknown,
): SignOnUnavailableError {
  return new SignOnUnavailableError(`${title} cannot be asked now. ${reason}`, { cause })
}
