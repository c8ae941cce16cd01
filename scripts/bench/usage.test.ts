import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { usageOf } from './usage.ts'

test(
  'memory and processor time are those of a process and its children',
  { skip: process.platform === 'linux' ? false : 'there is no /proc here' },
  async (t) => {
    // The word comes from the grandchild: before it has started there is no memory to see.
    const grandchild = "console.log('up'); process.stdin.resume()"
    const script = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(grandchild)}], { stdio: ['inherit', 'inherit', 'ignore'] })`
    const child = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'ignore'] })
    t.after(() => child.kill())
    await new Promise((resolve) => child.stdout.once('data', resolve))
    const { residentMiB, cpuSeconds } = usageOf(child.pid ?? 0)
    // One node has some 40 MiB before it has done anything.
    assert.ok(residentMiB > 50, `${residentMiB} MiB`)
    assert.ok(cpuSeconds > 0)
    assert.deepEqual(usageOf(2 ** 22 + 1), { cpuSeconds: 0, residentMiB: 0 })
  },
)
