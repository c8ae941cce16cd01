// The launcher in a copy of a checkout that has all it needs, with a program that tells what it got.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { root } from './bootstrap.mjs'

const program = `
  const { pid, cwd, execArgv, argv, env } = process
  // Before the line: whoever reads it sends the signal.
  if (argv[2] === 'wait') process.on('SIGTERM', () => process.exit(7)), setInterval(() => {}, 1000)
  console.log(JSON.stringify({ pid, cwd: cwd(), execArgv, args: argv.slice(2), threads: env.UV_THREADPOOL_SIZE }))
`

function checkout(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'carrel launcher '))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  for (const name of ['.node', '.node/app', 'node_modules', 'src', 'scripts', 'bin']) {
    fs.mkdirSync(path.join(folder, name))
  }
  fs.copyFileSync(path.join(root, 'carrel'), path.join(folder, 'carrel'))
  fs.symlinkSync(process.execPath, path.join(folder, '.node', 'node'))
  fs.writeFileSync(path.join(folder, 'package-lock.json'), '{}')
  fs.utimesSync(path.join(folder, 'package-lock.json'), 1, 1)
  fs.writeFileSync(path.join(folder, 'node_modules', '.carrel'), '')
  fs.writeFileSync(path.join(folder, 'src', 'main.ts'), '')
  fs.utimesSync(path.join(folder, 'src', 'main.ts'), 1, 1)
  fs.writeFileSync(path.join(folder, '.node', 'app', 'main.js'), program)
  fs.writeFileSync(path.join(folder, 'scripts', 'bootstrap.mjs'), `console.log('installing')`)
  return folder
}

function launch(command, args, { cwd = os.tmpdir(), env = process.env } = {}) {
  const result = spawnSync(command, args, { cwd, env, encoding: 'utf8' })
  assert.equal(result.status, 0, result.stderr)
  return { stderr: result.stderr, seen: JSON.parse(result.stdout) }
}

test('the launcher runs the compiled main.ts with the arguments as they are, from any folder', (t) => {
  const { seen, stderr } = launch(path.join(checkout(t), 'carrel'), ['up', 'a b', '$c', ''])
  assert.deepEqual(seen.args, ['up', 'a b', '$c', ''])
  assert.equal(seen.cwd, fs.realpathSync(os.tmpdir()))
  assert.ok(seen.execArgv.includes('--disable-warning=ExperimentalWarning'))
  assert.equal(stderr, '')
})

test('the launcher is found through symbolic links to symbolic links', (t) => {
  const folder = checkout(t)
  fs.symlinkSync('../carrel', path.join(folder, 'bin', 'first'))
  fs.symlinkSync(path.join(folder, 'bin', 'first'), path.join(folder, 'bin', 'second'))
  fs.symlinkSync('second', path.join(folder, 'bin', 'third'))
  assert.deepEqual(launch('./third', ['x'], { cwd: path.join(folder, 'bin') }).seen.args, ['x'])
})

test('the launcher runs by its bare name through the path and through sh', (t) => {
  const folder = checkout(t)
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` }
  assert.deepEqual(launch('carrel', ['x'], { env }).seen.args, ['x'])
  assert.deepEqual(launch('sh', ['carrel', 'y'], { cwd: folder }).seen.args, ['y'])
})

test('libuv gets 16 threads unless the environment says otherwise', (t) => {
  const carrel = path.join(checkout(t), 'carrel')
  const { UV_THREADPOOL_SIZE: _, ...env } = process.env
  assert.equal(launch(carrel, [], { env }).seen.threads, '16')
  assert.equal(launch(carrel, [], { env: { ...env, UV_THREADPOOL_SIZE: '3' } }).seen.threads, '3')
})

test('the launcher becomes node: the pid stays and signals arrive', async (t) => {
  const child = spawn(path.join(checkout(t), 'carrel'), ['wait'])
  t.after(() => child.kill('SIGKILL'))
  const [first] = await Array.fromAsync(child.stdout.take(1))
  assert.equal(JSON.parse(first).pid, child.pid)
  child.kill('SIGTERM')
  const status = await new Promise((resolve) => child.once('exit', resolve))
  assert.equal(status, 7)
})

test('a lock file newer than the last installation installs first, told on stderr only', (t) => {
  const folder = checkout(t)
  fs.utimesSync(path.join(folder, 'node_modules', '.carrel'), 1, 1)
  const { seen, stderr } = launch(path.join(folder, 'carrel'), ['x'])
  assert.deepEqual(seen.args, ['x'])
  assert.equal(stderr, 'installing\n')
})

test('when the installation fails, so does the command, with its exit status', (t) => {
  const folder = checkout(t)
  fs.rmSync(path.join(folder, 'node_modules'), { recursive: true })
  fs.writeFileSync(path.join(folder, 'scripts', 'bootstrap.mjs'), 'process.exit(3)')
  const result = spawnSync(path.join(folder, 'carrel'), ['x'], { encoding: 'utf8' })
  assert.equal(result.status, 3)
  assert.equal(result.stdout, '')
})
