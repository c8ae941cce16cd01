// A real LDAP server (OpenLDAP's slapd) on 127.0.0.1 for tests, with its own folder: people, groups, the
// attribute memberOf, StartTLS and ldaps. Root is not needed.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'ldapts'
import { issueAuthority, issueLeaf } from '../../certificates/issue.ts'

export interface Slapd {
  /** ldap://127.0.0.1:PORT, which also takes StartTLS. */
  readonly url: string
  readonly ldapsUrl: string
  /** The authority of its certificate, which is for 127.0.0.1 and localhost. */
  readonly certificateAuthorities: string
  /** cn=admin,dc=example,dc=com, which may do all. */
  readonly adminDn: string
  readonly adminPassword: string
  /** cn=reader,dc=example,dc=com, which may read. */
  readonly readerDn: string
  readonly readerPassword: string
  /** A connection as the administrator, to change entries with. */
  admin<T>(work: (client: Client) => Promise<T>): Promise<T>
  close(): Promise<void>
}

export const base = 'dc=example,dc=com'
export const people = `ou=people,${base}`
export const groups = `ou=groups,${base}`

/**
 * For the option `skip` of tests: a reason where there is no slapd. With CI=true that is a failure, so
 * the tests run and fail.
 */
export function skipWithoutSlapd(): string | false {
  if (process.env.CI === 'true' || findSlapd() !== undefined) return false
  return 'slapd is not installed (Debian: apt-get install slapd)'
}

/** A suite with a server of its own, or one skipped test that says why there is none. */
export function describeWithSlapd(name: string, define: (slapd: () => Slapd) => void): void {
  const skip = skipWithoutSlapd()
  if (skip !== false) {
    test(name, { skip })
    return
  }
  describe(name, () => {
    let slapd: Slapd | undefined
    before(async () => {
      slapd = await startSlapd()
    })
    after(async () => await slapd?.close())
    define(() => slapd!)
  })
}

function findSlapd(): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin']
  return folders.map((folder) => join(folder, 'slapd')).find((file) => existsSync(file))
}

const maxStarts = 3

/**
 * With alice (admins, developers), bob (developers) and mallory (in no group), each with the password
 * NAME-password. It ends with the test that is given; a suite closes it by itself.
 */
export async function startSlapd(t?: { after(close: () => Promise<void>): void }): Promise<Slapd> {
  const program = findSlapd()
  if (program === undefined) throw new Error('slapd is not installed (Debian: slapd).')
  const folder = await mkdtemp(join(tmpdir(), 'carrel-slapd-'))
  const running: ChildProcess[] = []
  const close = async (): Promise<void> => {
    for (const child of running) await end(child)
    await rm(folder, { recursive: true, force: true })
  }
  t?.after(close)
  try {
    const certificateAuthorities = await writeFiles(folder)
    const urls = await run(program, folder, running)
    const slapd = toSlapd({ ...urls, certificateAuthorities, close })
    await slapd.admin(load)
    return slapd
  } catch (error) {
    await close()
    throw error
  }
}

type Urls = Pick<Slapd, 'url' | 'ldapsUrl'>

/** Tries again when somebody was faster with a port. */
async function run(program: string, folder: string, running: ChildProcess[]): Promise<Urls> {
  let problem: string | undefined
  for (let attempt = 1; attempt <= maxStarts; attempt++) {
    const [port, tlsPort] = [await freePort(), await freePort()]
    const urls = { url: `ldap://127.0.0.1:${port}`, ldapsUrl: `ldaps://127.0.0.1:${tlsPort}` }
    // With -d it stays in the foreground; level 0 says nothing but errors.
    const args = ['-d', '0', '-f', join(folder, 'slapd.conf'), '-h', `${urls.url} ${urls.ldapsUrl}`]
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    running.push(child)
    problem = await untilReady(child, [port, tlsPort])
    if (problem === undefined) return urls
  }
  throw new Error(`slapd does not start: ${problem}`)
}

function toSlapd(made: Urls & Pick<Slapd, 'certificateAuthorities' | 'close'>): Slapd {
  const adminDn = `cn=admin,${base}`
  const adminPassword = 'admin-password'
  return {
    ...made,
    adminDn,
    adminPassword,
    readerDn: `cn=reader,${base}`,
    readerPassword: 'reader-password',
    admin: async (work) => {
      const client = new Client({ url: made.url, timeout: 10_000, connectTimeout: 10_000 })
      try {
        await client.bind(adminDn, adminPassword)
        return await work(client)
      } finally {
        await client.unbind()
      }
    },
  }
}

async function writeFiles(folder: string): Promise<string> {
  const now = new Date()
  const authority = await issueAuthority('slapd', now)
  const ca = {
    certificate: new X509Certificate(authority.certificatePem),
    keyPem: authority.keyPem,
  }
  const names = { dnsNames: ['localhost'], addresses: ['127.0.0.1'] }
  const leaf = await issueLeaf(ca, names, now)
  await mkdir(join(folder, 'db'))
  await writeFile(join(folder, 'cert.pem'), leaf.certificatePem)
  await writeFile(join(folder, 'key.pem'), leaf.keyPem, { mode: 0o600 })
  await writeFile(join(folder, 'slapd.conf'), configuration(folder))
  return authority.certificatePem
}

function configuration(folder: string): string {
  return `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
# As much of Active Directory as the tests need.
attributetype ( 1.3.6.1.4.1.99999.1 NAME 'objectGUID' EQUALITY octetStringMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.99999.2 NAME 'userAccountControl' EQUALITY integerMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.99999.3 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.99999.4 NAME 'accountExpires' EQUALITY integerMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.99999.5 NAME 'adAccount' SUP top AUXILIARY
  MAY ( objectGUID $ userAccountControl $ sAMAccountName $ accountExpires ) )
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload ppolicy
pidfile ${folder}/slapd.pid
TLSCertificateFile ${folder}/cert.pem
TLSCertificateKeyFile ${folder}/key.pem
# As some directories do: a bind without a password succeeds, as nobody.
allow bind_anon_cred bind_anon_dn
sizelimit size=500 size.prtotal=unlimited
database mdb
suffix ${base}
rootdn cn=admin,${base}
rootpw admin-password
directory ${folder}/db
dbnosync
index objectClass,uid,member,entryUUID eq
overlay memberof
overlay ppolicy
access to attrs=userPassword by anonymous auth by * none
# Who asks for groups as anybody but the service account finds none.
access to dn.subtree="${groups}" by dn.exact="cn=reader,${base}" read by * none
access to * by users read by * none
`
}

async function load(client: Client): Promise<void> {
  await client.add(base, { objectClass: ['dcObject', 'organization'], dc: 'example', o: 'Example' })
  for (const dn of [people, groups, `ou=others,${base}`]) {
    await client.add(dn, { objectClass: 'organizationalUnit' })
  }
  const reader = { cn: 'reader', userPassword: 'reader-password' }
  await client.add(`cn=reader,${base}`, {
    objectClass: ['organizationalRole', 'simpleSecurityObject'],
    ...reader,
  })
  for (const [uid, surname] of [
    ['alice', 'Example'],
    ['bob', 'Example'],
    ['mallory', 'Other'],
  ] as const) {
    await client.add(personDn(uid), person(uid, surname))
  }
  await client.add(groupDn('admins'), groupOf('alice'))
  await client.add(groupDn('developers'), groupOf('alice', 'bob'))
}

export function personDn(uid: string): string {
  return `uid=${uid},${people}`
}

export function groupDn(name: string): string {
  return `cn=${name},${groups}`
}

/** Attributes of a person whose password is UID-password. */
export function person(uid: string, surname = 'Example'): Record<string, string | string[]> {
  const given = uid.charAt(0).toUpperCase() + uid.slice(1)
  return {
    objectClass: ['inetOrgPerson', 'adAccount'],
    uid,
    cn: `${given} ${surname}`,
    sn: surname,
    mail: `${uid}@example.com`,
    userPassword: `${uid}-password`,
  }
}

export function groupOf(...uids: readonly string[]): Record<string, string | string[]> {
  return { objectClass: 'groupOfNames', member: uids.map((uid) => personDn(uid)) }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** `undefined` once both ports answer, otherwise what it said. */
async function untilReady(
  child: ChildProcess,
  ports: readonly number[],
): Promise<string | undefined> {
  let said = ''
  child.stderr
    ?.setEncoding('utf8')
    .on('data', (text: string) => (said = (said + text).slice(-2000)))
  child.on('error', (error) => (said += error.message))
  const end = Date.now() + 15_000
  while (Date.now() < end && child.exitCode === null && child.signalCode === null) {
    const answers = await Promise.all(ports.map(async (port) => await answersAt(port)))
    if (answers.every(Boolean)) return undefined
    await sleep(25)
  }
  return said === '' ? 'it said nothing' : said
}

async function answersAt(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const settle = (isThere: boolean) => {
      socket.destroy()
      resolve(isThere)
    }
    socket.on('connect', () => settle(true)).on('error', () => settle(false))
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
  await ended
  clearTimeout(timer)
}
