import assert from 'node:assert/strict'
import { generateKeyPairSync, sign as signBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { ensureEvidenceKey } from './evidence-key.ts'
import { csvOf, installationSign, signDocument, verifyEvidence, type Sign } from './evidence.ts'
import { openWorld } from './test-support/world.ts'

const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const publicJwk = publicKey.export({ format: 'jwk' })
const sign: Sign = (bytes) => {
  return { kid: 'k', signature: signBytes(null, bytes, privateKey).toString('base64url') }
}
const keys = [{ kid: 'k', publicJwk }]

test('what was signed is verified, and nothing else is', async () => {
  const document = await signDocument('{"ü": 1}\n', sign)
  assert.deepEqual(verifyEvidence(document, keys), { ok: true, keyId: 'k' })
  const { content } = document
  const wrong = [
    { ...document, content: content.replace('1', '2'), sha256: undefined },
    { ...document, content: `${content} `, sha256: undefined },
    { ...document, content: content.replace('1', '2') },
    { ...document, signature: '' },
    { ...document, signature: `${document.signature.slice(0, -4)}AAAA` },
    { ...document, keyId: 'other' },
  ]
  for (const each of wrong) {
    const { sha256, ...rest } = each
    const verified = verifyEvidence(sha256 === undefined ? rest : { ...rest, sha256 }, keys)
    assert.equal(verified.ok, false)
  }
})

test('a key of another kind or another name verifies nothing', async () => {
  const document = await signDocument('x', sign)
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({
    format: 'jwk',
  })
  const other = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
  for (const each of [rsa, other, {}, { kty: 'OKP' }]) {
    assert.equal(verifyEvidence(document, [{ kid: 'k', publicJwk: each }]).ok, false)
  }
  assert.equal(verifyEvidence(document, []).ok, false)
  assert.equal(verifyEvidence(document, [{ kid: 'K', publicJwk }]).ok, false)
})

test('the installation signs with one key for ever and tells the public half', async () => {
  await using world = await openWorld()
  const signing = installationSign(world.metadata)
  const document = await signDocument('x', signing)
  const { kid, publicJwk } = await ensureEvidenceKey(world.metadata)
  assert.equal(document.keyId, kid)
  assert.deepEqual(document.publicJwk, publicJwk)
  assert.equal(verifyEvidence(document, [{ kid, publicJwk }]).ok, true)
  const again = await signDocument('y', installationSign(world.metadata))
  assert.equal(again.keyId, kid)
})

test('no cell of a table begins as a formula does', () => {
  const cells = ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', ' =1', '|x', '%x', '＝1']
  for (const cell of cells) {
    const [, begin] = /^"?(.)/su.exec(csvOf([[cell]])) ?? []
    assert.equal(begin, "'", JSON.stringify(cell))
  }
  assert.equal(csvOf([['a', 'b c', 'x,"y"']]), 'a,b c,"x,""y"""\r\n')
})

test('a table is read again as it was written, but for the marks before formulas', () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.string(), { minLength: 1 }), { minLength: 1 }), (rows) => {
      const read = parse(csvOf(rows))
      assert.equal(read.length, rows.length)
      for (const [index, row] of rows.entries()) {
        const cells = read[index]?.map((cell, at) => {
          return cell === `'${row[at] ?? ''}` ? cell.slice(1) : cell
        })
        assert.deepEqual(cells, row)
      }
    }),
  )
})

/** RFC 4180. */
function parse(text: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  let cell = ''
  let isQuoted = false
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? ''
    if (isQuoted && character === '"' && text[at + 1] === '"') {
      cell += '"'
      at += 1
    } else if (character === '"') isQuoted = !isQuoted
    else if (!isQuoted && character === ',') {
      row.push(cell)
      cell = ''
    } else if (!isQuoted && character === '\r' && text[at + 1] === '\n') {
      rows.push([...row, cell])
      row = []
      cell = ''
      at += 1
    } else cell += character
  }
  return rows
}
