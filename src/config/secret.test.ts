import assert from 'node:assert/strict'
import { test } from 'node:test'
import { format, inspect } from 'node:util'

import { Secret } from './secret.ts'

test('a secret prints as [secret] wherever it may end up, and gives its value only when asked', () => {
  const secret = new Secret('hunter2')
  const printed = [
    String(secret),
    [secret].join(),
    JSON.stringify({ secret }),
    inspect({ deep: { secret } }, { showHidden: true, depth: 9 }),
    format('%s %o %j', secret, secret, secret),
    Object.entries(secret).join(),
  ]
  for (const text of printed) assert.ok(!text.includes('hunter2'), text)
  assert.equal(JSON.stringify({ secret }), '{"secret":"[secret]"}')
  assert.equal(secret.reveal(), 'hunter2')
})
