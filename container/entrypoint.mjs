#!/usr/bin/env node
// The arguments of registry:2's image: a configuration file, a command of `registry`, or any other program. No shell has a
// hand in this: Debian's drops variables with a hyphen, such as REGISTRY_HTTP_HEADERS_Access-Control-Allow-Origin.
import fs from 'node:fs'
import path from 'node:path'
import { start } from './start.mjs'

const [first = 'serve', ...rest] = process.argv.slice(2)
const isConfiguration = /\.ya?ml$/.test(first)
const isOfRegistry = ['serve', 'garbage-collect', 'help'].includes(first) || first.startsWith('-')

if (isConfiguration) await start(['registry', 'serve', first, ...rest])
else if (isOfRegistry) await start(['registry', first, ...rest])
else if (first === 'carrel') await start(rest)
else if (first === 'registry') await start(['registry', ...rest])
else become(first, rest)

/** Any other program takes this one's place. */
function become(name, args) {
  const folders = name.includes('/') ? [''] : (process.env.PATH ?? '').split(':')
  const file = folders.map((folder) => path.join(folder, name)).find(isProgram)
  if (file === undefined) {
    process.stderr.write(`carrel: there is no program ${name} in this image\n`)
    process.exit(127)
  }
  process.execve(file, [name, ...args], process.env)
}

function isProgram(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK)
    return fs.statSync(file).isFile()
  } catch {
    return false
  }
}
