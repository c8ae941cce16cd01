// `npm run bench`: brings what is missing, then measures with the Node that runs Carrel. The work is
// in bench/main.ts; this file is plain JavaScript because it runs on any Node from 20 on.
import { spawn } from 'node:child_process'
import path from 'node:path'
import { bootstrap, node, root, runIfProgram } from './bootstrap.mjs'

async function main() {
  await bootstrap({ tools: true })
  const program = path.join(root, 'scripts', 'bench', 'main.ts')
  const args = ['--disable-warning=ExperimentalWarning', program, ...process.argv.slice(2)]
  const child = spawn(node, args, { stdio: 'inherit' })
  // The terminal sends its interrupt to both processes; here it only must not end this one first.
  process.on('SIGINT', () => undefined)
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  process.exitCode = await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code) => resolve(code ?? 1))
  })
}

await runIfProgram(import.meta.url, main)
