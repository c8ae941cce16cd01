// Compiles src/ for ./carrel into a folder of its own and lets `.node/app` lead to it in one step: a program that runs
// keeps the folder that it was started from.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { node, nodeFolder, root, runIfProgram } from './bootstrap.mjs'

const app = path.join(nodeFolder, 'app')
const keptMs = 24 * 60 * 60 * 1000

function build() {
  const began = new Date()
  const folder = path.join(nodeFolder, `build-${began.getTime()}-${process.pid}`)
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const project = path.join(root, 'tsconfig.build.json')
  // Types are the business of `npm run check`; a start has not even installed all that they need.
  const { stdout } = spawnSync(
    node,
    [tsc, '-p', project, '--outDir', folder, '--sourceMap', 'false', '--noCheck'],
    { encoding: 'utf8' },
  )
  const program = path.join(folder, 'main.js')
  if (!fs.existsSync(program)) {
    process.stderr.write(`carrel: src/ cannot be compiled:\n${stdout}`)
    process.exitCode = 1
    return
  }
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }\n')
  // What is edited while it compiles is newer than this.
  fs.utimesSync(program, began, began)
  const link = `${folder}.link`
  fs.symlinkSync(path.basename(folder), link)
  fs.renameSync(link, app)
  removeOldBuilds(path.basename(folder))
}

function removeOldBuilds(current) {
  for (const name of fs.readdirSync(nodeFolder)) {
    const stamp = Number(/^build-(\d+)-/.exec(name)?.[1])
    if (name === current || !(Date.now() - stamp > keptMs)) continue
    fs.rmSync(path.join(nodeFolder, name), { recursive: true, force: true })
  }
}

await runIfProgram(import.meta.url, build)
