import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseWrk } from './wrk.ts'

const report = (more: string) => `Running 1s test @ http://127.0.0.1:20000/v2/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     3.21ms    1.02ms  20.05ms   88.51%
    Req/Sec    10.21k     1.03k   12.01k    70.00%
  10160 requests in 1.00s, 5.30MB read
${more}Requests/sec:  10159.61
Transfer/sec:      5.29MB
`

test('a report of wrk gives the rate', () => {
  assert.equal(parseWrk(report('')), 10159.61)
})

test('a report with any error gives none', () => {
  const errors = [
    '  Non-2xx or 3xx responses: 3\n',
    '  Socket errors: connect 0, read 4, write 0, timeout 0\n',
  ]
  for (const one of errors) assert.throws(() => parseWrk(report(one)), /no 2xx|socket errors/)
  assert.throws(() => parseWrk('unable to connect to 127.0.0.1:20000'), /measured nothing/)
})
