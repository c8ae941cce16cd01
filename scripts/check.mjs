// Looks at the whole source without running it: lint with the layer table, format, types, dead code.
//
//   node scripts/check.mjs          lint, format and types, side by side
//   node scripts/check.mjs --fix    repairs what can be repaired
//   node scripts/check.mjs --dead   files, exports and dependencies that nobody uses
import { spawn } from 'node:child_process'
import path from 'node:path'
import { bootstrap, node, nodeFolder, root, runIfProgram } from './bootstrap.mjs'

const tool = (name, file) => path.join(root, 'node_modules', name, file)
const lint = { name: 'lint', args: [tool('oxlint', 'bin/oxlint')] }
const format = { name: 'format', args: [tool('oxfmt', 'bin/oxfmt'), '--check'] }
const types = { name: 'types', args: [tool('typescript', 'bin/tsc'), '--noEmit'] }
const dead = { name: 'dead code', args: [tool('knip', 'bin/knip.js'), '--no-progress'] }

export const sourceChecks = [lint, format, types]
export const allChecks = [...sourceChecks, dead]

/** Runs the checks at the same time and tells of each in order; returns the names that failed. */
export async function check(checks) {
  const started = checks.map((one) => ({ ...one, result: execute(one.args) }))
  const failed = []
  for (const { name, result } of started) {
    const { status, output, ms } = await result
    console.log(`${status === 0 ? '✔' : '✖'} ${name} (${(ms / 1000).toFixed(1)} s)`)
    if (status === 0) continue
    failed.push(name)
    console.log(output.trimEnd())
  }
  return failed
}

function execute(args) {
  const began = performance.now()
  return new Promise((resolve, reject) => {
    const child = spawn(node, args, {
      cwd: root,
      env: toolEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    const collect = (chunk) => (output += chunk)
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.on('error', reject)
    child.on('close', (status) => resolve({ status, output, ms: performance.now() - began }))
  })
}

/** Tools that start `node` themselves get the one in .node/, too. */
function toolEnvironment() {
  return { ...process.env, PATH: `${nodeFolder}${path.delimiter}${process.env.PATH ?? ''}` }
}

async function fix() {
  const repairs = [
    { ...lint, args: [...lint.args, '--fix'] },
    { ...format, args: format.args.filter((arg) => arg !== '--check') },
  ]
  // One after the other: both write the same files.
  for (const repair of repairs) {
    const failed = await check([repair])
    if (failed.length > 0) process.exitCode = 1
  }
}

async function main() {
  await bootstrap({ tools: true })
  const option = process.argv[2]
  if (option === '--fix') return fix()
  const failed = await check(option === '--dead' ? [dead] : sourceChecks)
  if (failed.length > 0) process.exitCode = 1
}

await runIfProgram(import.meta.url, main)
