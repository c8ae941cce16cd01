import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { markup } from './markup.ts'

test('no value can end a text or an attribute', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('<', '>', '"', "'", '&', ';', 'a', '#') }),
      (text) => {
        const { html } = markup`<p title="${text}">`
        const inside = html.slice('<p title="'.length, -'">'.length)
        assert.doesNotMatch(inside, /[<>"']/)
        assert.equal(unescaped(inside), text)
      },
    ),
  )
})

test('markup within markup is put in as it is, and nothing for undefined', () => {
  const name = markup`<b>${'a & b'}</b>`
  assert.equal(markup`${name}|${undefined}|`.html, '<b>a &amp; b</b>||')
})

function unescaped(html: string): string {
  return html
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
}
