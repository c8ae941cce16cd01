// The layer table is only worth what the linter reports: every kind of forbidden import is planted
// in a small tree, and beside it every kind of permitted one.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { layers, topFolder } from '../oxlint.config.ts'
import { root } from './bootstrap.mjs'

/** Lints the files and returns, for each, the lines that a structural rule reports. */
function reportedLines(t, files) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'carrel-layers-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  for (const [name, lines] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    fs.writeFileSync(path.join(folder, name), lines.join('\n'))
  }
  fs.copyFileSync(path.join(root, 'oxlint.config.ts'), path.join(folder, 'oxlint.config.ts'))
  fs.copyFileSync(path.join(root, 'package.json'), path.join(folder, 'package.json'))
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'))
  const oxlint = path.join(root, 'node_modules', 'oxlint', 'bin', 'oxlint')
  const result = spawnSync(process.execPath, [oxlint, '-f', 'json'], {
    cwd: folder,
    encoding: 'utf8',
  })
  const structural = /no-restricted-imports|no-cycle|no-process-env|consistent-type-imports/
  const reported = Object.fromEntries(Object.keys(files).map((name) => [name, []]))
  for (const { code, filename, labels } of JSON.parse(result.stdout).diagnostics) {
    if (structural.test(code)) reported[filename].push(labels[0].span.line)
  }
  return Object.fromEntries(
    Object.entries(reported).map(([name, lines]) => [
      name,
      [...new Set(lines)].sort((a, b) => a - b),
    ]),
  )
}

test('what the layer table forbids is reported, and nothing else', (t) => {
  const files = {
    'src/storage/forbidden.ts': [
      `export { a } from '../http/a.ts'`,
      `import { b } from '../registry/b.ts'`,
      `import type { T } from '../http/v2/b.ts'`,
      `import { c } from '../compose.ts'`,
      `import { d } from './drivers/memory/d.ts'`,
      `import { e } from '../metadata/dialects/e.ts'`,
      `import { sql } from 'kysely'`,
      `import { env } from 'node:process'`,
      `export type U = import('../http/a.ts').U`,
      `export const f = await import('../cli/f.ts')`,
      `export const g: T = [b, c, d, e, sql, env, process.env['X']]`,
    ],
    'src/storage/permitted.ts': [
      `import { a } from '../oci/a.ts'`,
      `import type { T } from '../streams/deep/b.ts'`,
      `import { c } from './deep/c.ts'`,
      `import fs from 'node:fs'`,
      `export const d: T = [a, c, fs]`,
    ],
    'src/http/v2/forbidden.ts': [
      `export { a } from '../../storage/drivers/a.ts'`,
      `export { b } from '../../process/b.ts'`,
      `export { c } from '../../not-in-the-table/c.ts'`,
      `export { d } from '../../main.ts'`,
      `export { e } from '../../../scripts/e.ts'`,
    ],
    'src/http/v2/permitted.ts': [
      `export { a } from '../../registry/a.ts'`,
      `export { b } from '../route.ts'`,
      `export { c } from './c.ts'`,
    ],
    'src/storage/drivers/memory/permitted.ts': [
      `export { a } from '../../driver.ts'`,
      `export { b } from '../../../oci/b.ts'`,
    ],
    'src/storage/drivers/memory/forbidden.ts': [`export { a } from '../../../metadata/a.ts'`],
    'src/not-in-the-table/forbidden.ts': [`export { a } from '../oci/a.ts'`],
    'src/oci/one.ts': [`export { b } from './two.ts'`, `export const a = 1`],
    'src/oci/two.ts': [`export { a } from './one.ts'`, `export const b = 1`],
    'src/main.ts': [
      `export { a } from './process/a.ts'`,
      `export const b = process.env`,
      `export { c } from './metadata/dialects/c.ts'`,
    ],
    'src/compose.ts': [`export { a } from './storage/drivers/memory/a.ts'`],
    'src/config/permitted.ts': [`export const a = process.env['A']`],
    'src/http/permitted.test.ts': [`export { a } from '../storage/drivers/memory/a.ts'`],
  }
  const expected = Object.keys(files).map((name) => {
    if (name.includes('oci/')) return [name, [1]]
    if (name === 'src/main.ts') return [name, [3]]
    // The composition root imports what it likes, and so do tests.
    if (name === 'src/compose.ts') return [name, []]
    return [name, name.includes('forbidden') ? files[name].map((_, index) => index + 1) : []]
  })
  assert.deepEqual(reportedLines(t, files), Object.fromEntries(expected))
})

test('ARCHITECTURE.md shows the layer table that the linter uses', () => {
  const text = fs.readFileSync(path.join(root, 'ARCHITECTURE.md'), 'utf8')
  const rows = [...text.matchAll(/^\| ([\w-]+) \| ([\w, –-]+) \|$/gm)].map(([, folder, may]) => [
    folder,
    may,
  ])
  const shown = Object.fromEntries(rows.filter(([folder]) => folder !== 'folder'))
  const used = Object.entries(layers).map(([folder, may]) => [folder, may.join(', ') || '–'])
  assert.deepEqual(shown, { ...Object.fromEntries(used), [topFolder]: 'everything' })
})
