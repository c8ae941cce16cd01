// Who am I here, what may I do, which tokens of mine are about, and how to end all that.
import type { Grant } from '../../access/grant-view.ts'
import type { Token } from '../../access/token-view.ts'
import { markup, type Markup } from './markup.ts'
import { brand, pageText, type PageContext } from './page-frame.ts'

export interface AccountPage extends PageContext {
  readonly name: string
  readonly displayName: string | undefined
  readonly provider: string
  readonly admin: boolean
  readonly secondFactor: boolean
  readonly teams: readonly string[]
  readonly grants: readonly Grant[]
  readonly tokens: readonly Token[]
  /** There are more tokens than are shown. */
  readonly moreTokens: boolean
}

export function accountPage(page: AccountPage): string {
  return pageText({
    title: `${page.name} · Carrel`,
    scripts: ['account.js'],
    open: page.open,
    content: markup`
      ${brand}
      <div class="head">
        <h1>${page.name}</h1>
        <form id="sign-out" method="post" action="/logout">
          <button type="submit" class="plain">Sign out</button>
        </form>
      </div>
      ${facts(page)}
      ${rights(page)}
      ${tokens(page)}
    `,
  })
}

function facts(page: AccountPage): Markup {
  const { displayName, admin, teams, secondFactor, provider, host } = page
  const isKeptElsewhere = provider.startsWith('oidc:')
  return markup`<dl class="facts">
        ${displayName === undefined ? undefined : fact('Called', displayName)}
        ${fact('Signed in to', markup`<code>${host}</code>`)}
        ${fact('Signs in with', signsInWith(provider))}
        ${isKeptElsewhere ? undefined : fact('Second factor', secondFactor ? 'on' : 'off')}
        ${fact('Administrator', admin ? 'yes, of the whole installation' : 'no')}
        ${fact('Teams', teams.length === 0 ? 'none' : teams.join(', '))}
      </dl>`
}

function fact(title: string, value: Markup | string): Markup {
  return markup`<div><dt>${title}</dt><dd>${value}</dd></div>`
}

function signsInWith(provider: string): string {
  if (provider === 'local') return 'a password that is kept here'
  if (provider === 'htpasswd') return 'a password of the htpasswd file'
  const name = provider.slice(provider.indexOf(':') + 1)
  return provider.startsWith('oidc:') ? name : `a password of the directory ${name}`
}

function rights({ name, grants, admin }: AccountPage): Markup {
  const all = admin
    ? markup`<p class="aside">As an administrator you may do everything.</p>`
    : undefined
  const none = markup`<p class="aside">
          Nothing was granted to you yet. Ask the owner of a namespace, or an administrator.
        </p>`
  const rows = grants.map((grant) => {
    const { where, role, actions, who, expiresAt } = grant
    const until = expiresAt === undefined ? [] : [`until ${day(expiresAt)}`]
    const more = [howHeld(who, name), ...until]
    return row({
      title: markup`<code>${where}</code>`,
      beside: role ?? actions.join(', '),
      below: markup`${more.join(' · ')}`,
    })
  })
  return markup`<section aria-labelledby="rights">
        <h2 id="rights">What you may do</h2>
        ${all}
        ${rows.length > 0 ? list(rows) : admin ? undefined : none}
      </section>`
}

function howHeld(who: string, name: string): string {
  if (who === 'anonymous') return 'as anybody at all'
  if (who === 'signed-in') return 'as everybody who is signed in'
  return who.endsWith(`:${name}`) && !who.startsWith('team:') ? 'your own' : `through ${who}`
}

function tokens({ tokens: shown, moreTokens }: AccountPage): Markup {
  const none = markup`<p class="aside">
          You have none. Programs get one with <code>carrel login</code>, or with
          <code>carrel token create</code>.
        </p>`
  const rows = shown.map((token) => {
    const { name, kind, scopes, state, expiresAt, lastUsedAt, lastUsedFrom } = token
    const from = lastUsedFrom === undefined ? '' : ` from ${lastUsedFrom}`
    const used = lastUsedAt === undefined ? 'never used' : `last used ${moment(lastUsedAt)}${from}`
    const ends = expiresAt === undefined ? 'does not end by itself' : `ends ${day(expiresAt)}`
    const about = `${kind} token ${token.id} · ${used} · ${ends}`
    return row({
      title: markup`${name}`,
      beside: state === 'active' ? undefined : state,
      below: markup`${about}<br>${scopes === undefined ? 'all that you may do' : scopes.join(' ')}`,
    })
  })
  const more = markup`<p class="aside">There are more: <code>carrel token ls</code> shows all.</p>`
  return markup`<section aria-labelledby="tokens">
        <h2 id="tokens">Your tokens</h2>
        ${rows.length === 0 ? none : list(rows)}
        ${moreTokens ? more : undefined}
      </section>`
}

interface Row {
  readonly title: Markup
  readonly beside: string | undefined
  readonly below: Markup
}

function row({ title, beside, below }: Row): Markup {
  const badge = beside === undefined ? undefined : markup`<span class="badge">${beside}</span>`
  return markup`<li><div class="beside"><span>${title}</span>${badge}</div><p class="aside">${below}</p></li>`
}

function list(rows: readonly Markup[]): Markup {
  let items = markup``
  for (const item of rows) items = markup`${items}${item}`
  return markup`<ul class="rows">${items}</ul>`
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}

function moment(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
