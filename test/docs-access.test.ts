// The pages of docs/ about access, done: every block ```sh runnable is run, page after page, as somebody at a terminal
// would, against a started registry; the ```text block behind it must be what was printed. What differs from run to run
// (times, secrets, hashes) is not compared. With CARREL_TEST_DOCS=write, blocks that differ are written anew.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { forge, makeKey, startTestIssuer } from '../src/sign-on/test-support/id-token-issuer.ts'
import { startOidcIssuer } from '../src/sign-on/test-support/oidc-issuer.ts'
import { skipWithoutSlapd, startSlapd } from '../src/sign-on/test-support/slapd.ts'
import { findProgram } from './clients/programs.ts'
import { pushImage } from './support/access-images.ts'
import { createWire } from './support/access-wire.ts'
import { freePort, runProgram } from './support/processes.ts'
import { basic, startRegistry, withoutSettings } from './support/start-registry.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const publicUrl = 'https://registry.example.com'
const columns = 110

/** What the page's commands find: files in the folder that they run in, variables, and whom to ask. */
interface World {
  readonly folder: string
  readonly dataDir: string
  readonly port: number
  readonly env: Readonly<Record<string, string>>
  /** Addresses of this run, and what the page calls them. */
  readonly names: readonly (readonly [actual: string, written: string])[]
}

type Open = (stack: AsyncDisposableStack, folder: string) => Promise<World>

const pages: readonly { readonly file: string; readonly open: Open; readonly skip?: string }[] = [
  { file: 'docs/access.md', open: openPlain },
  { file: 'docs/tokens.md', open: openPlain },
  { file: 'docs/ci.md', open: openWithIssuer },
  { file: 'docs/access-review.md', open: openUsed },
  { file: 'docs/api.md', open: openPlain },
  {
    file: 'docs/single-sign-on.md',
    open: openWithProviders,
    ...(skipWithoutSlapd() !== false && { skip: String(skipWithoutSlapd()) }),
  },
]

describe('what the documentation says about access', () => {
  for (const { file, open, skip: missing } of pages) {
    const skip = missing ?? reasonToSkip()
    test(`${file} is what happens`, { skip }, async () => {
      await using stack = new AsyncDisposableStack()
      const folder = stack.use(await temporaryFolder('docs')).path
      const text = await readFile(join(root, file), 'utf8')
      const blocks = runnableBlocks(text)
      assert.ok(blocks.length > 0, 'nothing on the page is run')
      const world = await open(stack, folder)
      const printed = await runAll(world, blocks)
      if (process.env['CARREL_TEST_DOCS'] === 'write') {
        await writeFile(join(root, file), rewritten(text, blocks, printed))
        return
      }
      for (const [index, { code, expected }] of blocks.entries()) {
        const actual = printed[index]
        assert.ok(actual !== undefined, `never reached:\n${code}`)
        if (expected === undefined) assert.equal(actual.status, 0, `${code}\n${actual.text}`)
        else assert.equal(comparable(actual.text), comparable(expected), code)
      }
    })
  }

  test('links between the pages lead somewhere', async () => {
    for (const file of ['README.md', ...pages.map((page) => page.file)]) {
      const text = await readFile(join(root, file), 'utf8')
      for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)#]*)#?[^)]*\)/g)) {
        if (target === '') continue
        const path = join(root, dirname(file), target)
        const names = await readdir(dirname(path)).catch((): string[] => [])
        assert.ok(names.includes(basename(path)), `${file} links to ${target}`)
      }
    }
  })

  test('the sentences in tables of errors are those of the source', async () => {
    const source = await wholeSource()
    let sentences = 0
    for (const { file } of pages) {
      const text = await readFile(join(root, file), 'utf8')
      for (const [, table = ''] of text.matchAll(/\n(\| it says \|[^]*?)\n(?:\n|$)/g)) {
        for (const [, cell = ''] of table.matchAll(/^\| `([^`]+)`/gm)) {
          sentences += 1
          for (const part of cell.split('…')) {
            assert.ok(source.includes(part.trim()), `${file}: nobody says "${part.trim()}"`)
          }
        }
      }
    }
    assert.ok(sentences > 10)
  })
})

function reasonToSkip(): string | false {
  if (process.env['CI'] === 'true') return false
  const missing = ['script', 'curl', 'jq', 'openssl'].filter(
    (program) => findProgram(program) === undefined,
  )
  return missing.length > 0 && `there is no ${missing.join(', ')} here`
}

interface Block {
  readonly code: string
  /** Undefined: what it prints does not matter, but it must succeed. */
  readonly expected: string | undefined
  /** Where the text that was expected begins and ends on the page. */
  readonly at: readonly [number, number]
}

function runnableBlocks(page: string): readonly Block[] {
  const pattern = /^```sh runnable\n([^]*?)^```\n(?:\n*^```text\n([^]*?)^```\n)?/gm
  return Array.from(page.matchAll(pattern), (found) => {
    const [whole, code = '', expected] = found
    const end = found.index + whole.length - '```\n'.length
    return { code, expected, at: [end - (expected ?? '').length, end] }
  })
}

interface Printed {
  readonly text: string
  readonly status: number
}

/** One shell for the whole page, at a terminal: what a block sets, the next one has. */
async function runAll(world: World, blocks: readonly Block[]): Promise<readonly Printed[]> {
  const { folder, dataDir, port, env } = world
  const bin = join(folder, 'bin')
  await mkdir(bin)
  await symlink(join(root, 'carrel'), join(bin, 'carrel'))
  const script = blocks.map(({ code }) => `${code}printf '\\036%s\\036' "$?"\n`).join('')
  await writeFile(join(folder, 'page.sh'), `stty cols ${columns}\n${script}`)
  const work = join(folder, 'work')
  await mkdir(work, { recursive: true })
  const { output } = await runProgram('script', ['-qec', 'sh ../page.sh', '/dev/null'], {
    cwd: work,
    timeoutMs: 150_000,
    env: {
      ...withoutSettings(process.env),
      PATH: `${bin}:${process.env['PATH']}`,
      HOME: folder,
      TERM: 'dumb',
      NO_COLOR: '1',
      LC_ALL: 'C.UTF-8',
      CARREL_DATA: dataDir,
      CARREL_LISTEN: `127.0.0.1:${port}`,
      CARREL_PUBLIC_URL: publicUrl,
      URL: `http://127.0.0.1:${port}`,
      ...env,
    },
  })
  // jq paints whatever the environment says.
  const parts = stripVTControlCharacters(output).replaceAll(/\r+\n/g, '\n').split('\x1e')
  const printed: Printed[] = []
  for (let index = 0; index + 1 < parts.length; index += 2) {
    const text = asWritten(parts[index] ?? '', world, bin)
    printed.push({ text, status: Number(parts[index + 1]) })
  }
  return printed
}

/** As the page calls things. */
function asWritten(text: string, { folder, dataDir, names, port }: World, bin: string): string {
  const all: World['names'] = [
    [join(bin, 'carrel'), 'carrel'],
    ...names,
    [`http://127.0.0.1:${port}`, publicUrl],
    [`127.0.0.1:${port}`, 'registry.example.com'],
    [dataDir, './data'],
    [join(folder, 'work'), '/root'],
    [folder, '/root'],
  ]
  let result = text
  for (const [actual, written] of all) result = result.replaceAll(actual, written)
  return withoutSecrets(result)
    .replaceAll(/[ \t]+$/gm, '')
    .replace(/\n*$/, '\n')
}

/** None stands on a page, not even one that is gone: who looks for leaked secrets would find it. */
function withoutSecrets(text: string): string {
  return text
    .replaceAll(/carrel_([a-z]+)_[0-9A-Za-z]{36}/g, 'carrel_$1_…')
    .replaceAll(/\beyJ[\w-]+\.[\w-]+\.[\w-]+/g, 'eyJ…')
    .replaceAll(/\b[a-z]+-[a-z]+-\d{3}-[a-z]+-[a-z]+-[a-z]+\b/g, 'four-words-and-two-more')
    .replaceAll(/k=[0-9A-Z]{4}(-[0-9A-Z]{4}){4}/g, 'k=…')
}

/** Without what differs from run to run. Columns keep their width. */
function comparable(text: string): string {
  return (
    withoutSecrets(text)
      .replaceAll(/[ \t]+$/gm, '')
      // Said once the server has run for ten seconds.
      .replaceAll(/^compared with .*\n/gm, '')
      .replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?/g, '(time)')
      .replaceAll(/\d{4}-\d\d-\d\d/g, '(day)')
      .replaceAll(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/g, '(id)')
      .replaceAll(/sha256:[\da-f]{12,64}/g, '(digest)')
      .replaceAll(/\b[\da-f]{64}\b/g, '(hash)')
      .replaceAll(/[\w-]{86}(?![\w-])/g, '(signature)')
      .replaceAll(/[\w-]{43}(?![\w-])/g, '(key)')
      .replaceAll(/"[\w-]{22}"/g, '"(tag)"')
      .trimEnd()
  )
}

function rewritten(page: string, blocks: readonly Block[], printed: readonly Printed[]): string {
  let text = page
  for (const [index, { expected, at }] of [...blocks.entries()].toReversed()) {
    const actual = printed[index]?.text ?? 'never reached\n'
    if (expected === undefined || comparable(actual) === comparable(expected)) continue
    text = `${text.slice(0, at[0])}${actual}${text.slice(at[1])}`
  }
  return text
}

/** All of src/, with texts that are written over several lines put together. */
async function wholeSource(): Promise<string> {
  const files = await readdir(join(root, 'src'), { recursive: true })
  const texts: string[] = []
  for (const file of files) {
    if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue
    texts.push(await readFile(join(root, 'src', file), 'utf8'))
  }
  return texts.join('\n').replaceAll(/['`] \+\s*['`]/g, '')
}

const settings = { CARREL_PUBLIC_URL: publicUrl }
const oneWorker = ['--workers', '1']

async function openPlain(stack: AsyncDisposableStack, folder: string): Promise<World> {
  const registry = stack.use(
    await startRegistry({ postgres: false, args: oneWorker, env: settings }),
  )
  const { dataDir, port, password } = registry
  return { folder, dataDir, port, names: [], env: { PASSWORD: password } }
}

/** With a CI system that everybody trusts. `job.jwt` is what it gave to a job on the branch main. */
async function openWithIssuer(stack: AsyncDisposableStack, folder: string): Promise<World> {
  const key = await makeKey('ES256', 'one')
  const issuer = stack.use(await startTestIssuer(key))
  const outbound = { CARREL_OUTBOUND_ALLOW: issuer.server.host }
  const env = { ...settings, ...outbound }
  const { dataDir, port } = stack.use(
    await startRegistry({ postgres: false, args: oneWorker, env }),
  )
  const now = Math.floor(Date.now() / 1000)
  const token = forge(key, {
    iss: issuer.issuer,
    sub: 'project_path:acme/shop:ref_type:branch:ref:main',
    aud: publicUrl,
    iat: now,
    nbf: now,
    exp: now + 300,
    jti: randomBytes(8).toString('hex'),
    namespace_id: '7',
    project_id: '74',
    project_path: 'acme/shop',
    ref: 'main',
    ref_type: 'branch',
    ref_protected: 'true',
    pipeline_id: '812',
    user_login: 'ann',
  })
  await mkdir(join(folder, 'work'))
  await writeFile(join(folder, 'work', 'job.jwt'), token)
  const names = [[issuer.issuer, 'https://gitlab.example.com']] as const
  return { folder, dataDir, port, names, env: { ISSUER: issuer.issuer, ...outbound } }
}

/** With people, a team and a robot, some of which have used what they were given. */
async function openUsed(stack: AsyncDisposableStack, folder: string): Promise<World> {
  const data = join(folder, 'data')
  const first = await startRegistry({ postgres: false, args: oneWorker, env: settings, data })
  const { port, authorization } = first
  using wire = createWire(port)
  const ask = async (method: string, path: string, body: object) => {
    const headers = { 'content-type': 'application/json' }
    const options = { authorization, headers, body: JSON.stringify(body) }
    const answer = await wire.ask(method, `/api/v1${path}`, options)
    assert.ok(answer.status < 300, `${path}: ${answer.status} ${String(answer.body)}`)
    return JSON.parse(String(answer.body)) as { readonly secret?: string }
  }
  const password = randomBytes(12).toString('hex')
  for (const name of ['ann', 'bob', 'eve']) await ask('POST', '/users', { name, password })
  await ask('POST', '/namespaces', { name: 'web', owner: 'user:ann' })
  await ask('POST', '/teams', { name: 'web', description: 'the web shop' })
  await ask('PUT', '/teams/web/members/bob', {})
  await ask('POST', '/grants', { who: 'team:web', where: 'web/', actions: 'maintainer' })
  const ci = { name: 'ci', scopes: ['web/app:pull,push,overwrite'] }
  const { secret = '' } = await ask('POST', '/robots', ci)
  const eve = { who: 'user:eve', where: 'web/app', actions: 'reader', reason: 'audit of 2025' }
  await ask('POST', '/grants', eve)
  await ask('PATCH', '/users/eve', { disabled: true })
  await pushImage(wire, basic('ci', secret), { repository: 'web/app' })
  await pushImage(wire, basic('bob', password), { repository: 'web/app', tag: 'v2' })
  // What was used is written down at the end, and not half a minute later.
  await first.stop()
  const second = await startRegistry({
    postgres: false,
    args: oneWorker,
    env: settings,
    data,
    port,
  })
  stack.use(second)
  stack.use(first)
  return { folder, dataDir: data, port, names: [], env: {} }
}

/** With a directory and an OpenID Connect provider. */
async function openWithProviders(stack: AsyncDisposableStack, folder: string): Promise<World> {
  const slapd = await startSlapd()
  stack.defer(async () => slapd.close())
  const port = await freePort()
  const redirectUris = [`${publicUrl}/login/oidc/corp/callback`]
  const clients = [{ clientId: 'carrel', clientSecret: 'secret-of-the-client', redirectUris }]
  const oidc = await startOidcIssuer({ clients })
  stack.defer(async () => oidc.close())
  const work = join(folder, 'work')
  await mkdir(work)
  await writeFile(join(work, 'client.secret'), 'secret-of-the-client\n')
  await writeFile(join(work, 'reader.password'), `${slapd.readerPassword}\n`)
  await writeFile(join(work, 'directory-ca.pem'), slapd.certificateAuthorities)
  const file = await readFile(join(root, 'docs/single-sign-on.md'), 'utf8')
  const [, yaml = ''] = /^```yaml\n(# single-sign-on\.yaml\n[^]*?)^```\n/m.exec(file) ?? []
  const written = yaml
    .replace('https://login.example.com', oidc.issuer)
    .replace('ldaps://ldap.example.com', slapd.ldapsUrl)
  await writeFile(join(work, 'single-sign-on.yaml'), written)
  const more = {
    CARREL_OUTBOUND_ALLOW: new URL(oidc.issuer).host,
    CARREL_SINGLE_SIGN_ON: join(work, 'single-sign-on.yaml'),
  }
  const env = { ...settings, ...more }
  const { dataDir } = stack.use(
    await startRegistry({ postgres: false, args: oneWorker, env, port }),
  )
  const names = [
    [oidc.issuer, 'https://login.example.com'],
    [slapd.ldapsUrl, 'ldaps://ldap.example.com'],
  ] as const
  return { folder, dataDir, port, names, env: more }
}
