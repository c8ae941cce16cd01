// What holds for every page and asset: nothing inline, nothing foreign, names for all that needs one, enough contrast.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { Script } from 'node:vm'
import { accountScript } from './account-script.ts'
import { assets } from './assets.ts'
import { copyScript } from './copy-script.ts'
import { deviceScript } from './device-script.ts'
import { favicon } from './favicon.ts'
import { accountPage } from './page-account.ts'
import { devicePage } from './page-device.ts'
import { homePage } from './page-home.ts'
import { problemPage } from './page-problem.ts'
import { setupPage } from './page-setup.ts'
import { signInPage } from './page-sign-in.ts'
import { setupScript } from './setup-script.ts'
import { signInScript } from './sign-in-script.ts'
import { style } from './style.ts'
import { accountStyle } from './style-account.ts'
import { controlStyle } from './style-controls.ts'

const here = { host: 'localhost:5443', secure: false, open: true, ownAuthority: true }
const far = { host: 'images.example.org', secure: true, open: false, ownAuthority: true }
const device = { user: 'ann', now: 120_000 }
const pages = {
  'home, far': homePage(far),
  'home, here': homePage(here),
  'setup, far': setupPage({ ...far, user: 'admin' }),
  'setup, here': setupPage({ ...here, user: 'admin' }),
  'home, signed in': homePage({ ...far, signedIn: 'ann' }),
  'sign-in': signInPage({ ...far, to: '/device?code=A', providers: [] }),
  'sign-in with providers': signInPage({
    ...far,
    to: '/account',
    providers: [
      { name: 'corp', title: 'Example <Corp>' },
      { name: 'git', title: 'GitLab' },
    ],
  }),
  account: accountPage({
    ...far,
    name: 'ann',
    displayName: 'Ann & Co',
    provider: 'local',
    admin: true,
    secondFactor: true,
    teams: ['web'],
    grants: [
      {
        id: 1,
        who: 'team:web',
        where: 'web/',
        role: undefined,
        actions: ['pull', 'push'],
        reason: '',
        grantedAt: 0,
        grantedBy: undefined,
        expiresAt: 1,
        lastUsedAt: undefined,
        actionsUsed: [],
        waiting: false,
        changedAt: 0,
        flags: [],
      },
    ],
    tokens: [
      {
        id: 1,
        kind: 'personal',
        owner: { id: 1, name: 'ann', kind: 'user', createdBy: undefined },
        name: '<script>',
        scopes: ['web/:pull'],
        state: 'expired',
        createdAt: 0,
        createdBy: undefined,
        expiresAt: 1,
        revokedAt: undefined,
        lastUsedAt: 2,
        lastUsedFrom: '192.0.2.1',
        secrets: [],
      },
    ],
    moreTokens: true,
  }),
  'device, without a code': devicePage({ ...far, ...device, typed: undefined, device: undefined }),
  'device, unknown code': devicePage({ ...far, ...device, typed: 'X"<X', device: undefined }),
  'device, to be answered': devicePage({
    ...far,
    ...device,
    typed: 'WDJB-MJHT',
    device: {
      userCode: 'WDJB-MJHT',
      host: '<laptop>',
      address: '192.0.2.1',
      userAgent: 'carrel/1',
      createdAt: 0,
      expiresAt: 1,
    },
  }),
  problem: problemPage({ ...far, title: 'No', why: 'Because <b>.', again: '/login' }),
}

interface Tag {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
  /** Up to the next tag. */
  readonly text: string
}

/** Of pages as we write them: values in double quotes, no comments. */
function tagsOf(html: string): Tag[] {
  const open = /<([a-z][a-z0-9]*)((?:\s+[a-z-]+(?:="[^"<>]*")?)*)\s*>([^<]*)/g
  const tags = [...html.matchAll(open)].map(([, name = '', attributes = '', text = '']) => {
    const pairs = [...attributes.matchAll(/([a-z-]+)(?:="([^"]*)")?/g)]
    return {
      name,
      text,
      attributes: new Map(pairs.map(([, key = '', value = '']) => [key, value])),
    }
  })
  assert.equal(tags.length, [...html.matchAll(/<[a-z]/g)].length, 'a tag is written in another way')
  return tags
}

for (const [name, html] of Object.entries(pages)) {
  suite(`page ${name}`, () => {
    const tags = tagsOf(html)
    const valuesOf = (key: string) => tags.flatMap(({ attributes }) => attributes.get(key) ?? [])

    test('holds no script, style or handler of its own', () => {
      for (const { name: tag, attributes, text } of tags) {
        assert.ok(!['style', 'iframe', 'object', 'embed', 'base'].includes(tag), tag)
        for (const key of attributes.keys()) assert.doesNotMatch(key, /^on|^style$/)
        if (tag !== 'script') continue
        assert.match(attributes.get('src') ?? '', /^\/assets\/[a-z-]+\.js$/)
        assert.equal(text, '')
      }
    })

    test('fetches, links and sends to this origin alone', () => {
      const addresses = ['src', 'href', 'action', 'srcset', 'formaction', 'poster'].flatMap(
        valuesOf,
      )
      assert.ok(addresses.length >= 4)
      for (const address of addresses) assert.match(address, /^\/(?!\/)/)
    })

    test('says its language and title, and shows one heading at a time', () => {
      assert.match(html, /^<!doctype html>\n<html lang="en">/)
      assert.match(html, /<title>[^<]*Carrel[^<]*<\/title>/)
      const shown = html.replace(/<section id="done" hidden>[^]*?<\/section>/, '')
      assert.equal([...shown.matchAll(/<h1/g)].length, 1)
    })

    test('has each id once, and refers to ids that exist', () => {
      const ids = valuesOf('id')
      assert.equal(new Set(ids).size, ids.length)
      const references = ['for', 'aria-describedby', 'aria-controls', 'data-copy'].flatMap(valuesOf)
      for (const id of references.flatMap((value) => value.split(' ')))
        assert.ok(ids.includes(id), id)
    })

    test('names every field and image, and no button twice', () => {
      const labelled = valuesOf('for')
      for (const { name: tag, attributes } of tags) {
        if (tag === 'input') assert.ok(labelled.includes(attributes.get('id') ?? ''))
        if (tag === 'img') assert.ok(attributes.has('alt'))
      }
      const buttons = [...html.matchAll(/<button[^>]*>(.*?)<\/button>/gs)]
      const names = buttons.map(([, inner = '']) => inner.replace(/<[^>]+>/g, '').trim())
      assert.ok(!names.includes(''))
      assert.equal(new Set(names).size, names.length)
    })

    test('lets no form carry a field in an address, with or without its script', () => {
      const hasFields = tags.some(({ name: tag }) => tag === 'input')
      for (const { name: tag, attributes } of tags) {
        if (tag === 'input') assert.ok(!attributes.has('name'))
        if (tag === 'form') assert.equal(attributes.get('method'), 'post')
        if (attributes.get('type') === 'submit' && hasFields) {
          assert.ok(attributes.has('disabled'))
        }
      }
    })
  })
}

const scripts = [copyScript, setupScript, signInScript, deviceScript, accountScript]

test('scripts are JavaScript that fetches nothing foreign and writes no markup', () => {
  for (const script of scripts) {
    assert.doesNotThrow(() => new Script(`async () => {${script}}`))
    assert.doesNotMatch(
      script,
      /https?:|\/\/[a-z]|innerHTML|outerHTML|document\.write|eval|localStorage/,
    )
  }
})

test('scripts look only for elements that the pages have', () => {
  const html = Object.values(pages).join('')
  const ids = [...scripts.join('').matchAll(/(?:element|getElementById)\('([^']+)'\)/g)]
  assert.ok(ids.length > 8)
  for (const [, id = ''] of ids) assert.ok(html.includes(`id="${id}"`), id)
})

test('styles and the mark fetch nothing', () => {
  assert.doesNotMatch(style + controlStyle + accountStyle, /url\(|@import|@font-face|https?:/)
  const mark = favicon.replace('xmlns="http://www.w3.org/2000/svg"', '')
  assert.doesNotMatch(mark, /https?:|href|<script|<style|style=/)
})

test('all that a page loads is small', () => {
  const bytes = [...assets.values()].map((asset) => asset.bytes.length)
  assert.ok(Math.max(...bytes) < 16_384, String(bytes))
})

test('a heading that is focused by script is the only thing without a focus ring', () => {
  const without = [
    ...(style + controlStyle + accountStyle).matchAll(/([^{}]+)\{[^}]*outline: none/g),
  ]
  assert.deepEqual(
    without.map(([, selector = '']) => selector.replace(/\/\*.*?\*\//s, '').trim()),
    ['h1:focus'],
  )
})

suite('colours have enough contrast', () => {
  const [light = '', dark = ''] = [...style.matchAll(/:root \{([^}]*--paper[^}]*)\}/g)].map(
    ([, block]) => block,
  )
  const pairs: readonly (readonly [string, string, number])[] = [
    ...['ink', 'soft', 'accent', 'accent-strong'].map((text) => [text, 'sheet', 4.5] as const),
    ['ink', 'paper', 4.5],
    ['soft', 'paper', 4.5],
    ['ink', 'well', 4.5],
    ['bad', 'bad-well', 4.5],
    ['warn', 'warn-well', 4.5],
    ['on-accent', 'accent', 4.5],
    ['on-accent', 'accent-strong', 4.5],
    ['edge', 'sheet', 3],
    ['edge', 'paper', 3],
    ['accent', 'paper', 3],
    ['accent', 'track', 3],
    ['bad', 'sheet', 3],
  ]
  for (const [name, block] of Object.entries({ light, dark })) {
    test(name, () => {
      const colors = new Map(
        [...block.matchAll(/--([a-z-]+): (#[0-9a-f]{6});/g)].map(([, key = '', color = '']) => [
          key,
          color,
        ]),
      )
      for (const [front, back, least] of pairs) {
        const ratio = contrast(colors.get(front) ?? '', colors.get(back) ?? '')
        assert.ok(ratio >= least, `${front} on ${back}: ${ratio.toFixed(2)}`)
      }
    })
  }
})

/** WCAG 2.2, contrast ratio. */
function contrast(one: string, other: string): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b)
  return (lighter + 0.05) / (darker + 0.05)
}

function luminance(color: string): number {
  const channels = (color.match(/[0-9a-f]{2}/g) ?? []).map((hex) => Number.parseInt(hex, 16) / 255)
  const [r = Number.NaN, g = Number.NaN, b = Number.NaN] = channels.map((value) =>
    value <= 0.040_45 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4,
  )
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}
