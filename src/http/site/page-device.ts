// Where somebody who is signed in lets a program in that has no browser: by the short code that it shows (RFC 8628).
import type { WaitingDevice } from '../../access/device-login.ts'
import { markup, type Markup } from './markup.ts'
import { brand, pageText, type PageContext } from './page-frame.ts'

export interface DevicePage extends PageContext {
  /** Who would let it in. */
  readonly user: string
  /** The code that the address holds; undefined when it holds none. */
  readonly typed: string | undefined
  /** What waits with that code. */
  readonly device: WaitingDevice | undefined
  readonly now: number
}

export function devicePage(page: DevicePage): string {
  const { open, device } = page
  return pageText({
    title: 'Let a program in · Carrel',
    scripts: ['device.js'],
    open,
    content: markup`
      ${brand}
      ${device === undefined ? askForCode(page) : confirm(page, device)}
    `,
  })
}

function askForCode({ typed, user }: DevicePage): Markup {
  return markup`<h1>Let a program in</h1>
      <p class="lead">
        Type the code that <code>carrel login</code> shows. The program then signs in as <code>${user}</code>.
      </p>
      <form id="find" method="post" action="/device" novalidate>
        <div class="field">
          <label for="code">Code</label>
          <input id="code" class="code" type="text" required autocomplete="off" autocapitalize="characters"
            spellcheck="false" autofocus placeholder="XXXX-XXXX" aria-describedby="problem">
        </div>
        <p class="problem" id="problem" role="alert"${hiddenIf(typed === undefined)}>${notFound(typed)}</p>
        <button type="submit" id="send" disabled>Go on</button>
        ${needsScript}
      </form>`
}

function hiddenIf(condition: boolean): Markup | undefined {
  return condition ? markup` hidden` : undefined
}

function notFound(typed: string | undefined): string | undefined {
  if (typed === undefined) return undefined
  return (
    `No program waits with the code ${typed.slice(0, 20)}. ` +
    'It was mistyped, answered before, or is older than 10 minutes: run carrel login again.'
  )
}

function confirm({ user, now }: DevicePage, device: WaitingDevice): Markup {
  const { userCode, host, address, userAgent, createdAt } = device
  const minutes = Math.floor((now - createdAt) / 60_000)
  const when = minutes < 1 ? 'just now' : minutes === 1 ? 'a minute ago' : `${minutes} minutes ago`
  return markup`<div id="confirm">
        <h1>Let this program in?</h1>
        <p class="lead">
          It would sign in as <code>${user}</code>, and may then do all that you may. Compare the code with the one
          that the program shows:
        </p>
        <p class="code shown" id="user-code">${userCode}</p>
        <dl class="facts">
          <div><dt>Calls itself</dt><dd>${userAgent ?? 'nothing'}</dd></div>
          <div><dt>On the machine</dt><dd>${host}</dd></div>
          <div><dt>Asks from</dt><dd><code>${address ?? 'nobody knows where'}</code></dd></div>
          <div><dt>Asked</dt><dd>${when}</dd></div>
        </dl>
        <p class="warning">
          <strong>Only if you started it yourself just now.</strong> If somebody sent you here, refuse: they want
          to get in with your account.
        </p>
        <form id="answer" method="post" action="/device" data-code="${userCode}" novalidate>
          <p class="problem" id="problem" role="alert" hidden></p>
          <button type="submit" id="send" disabled>Let it in</button>
          <p class="below"><button type="button" id="refuse" class="plain" disabled>Refuse</button></p>
          ${needsScript}
        </form>
      </div>
      <section id="done" hidden>
        <h1 id="done-title" tabindex="-1">The program is in</h1>
        <p class="lead" id="done-text">
          It goes on within seconds. You can close this page. Its token is in <a href="/account">your account</a>.
        </p>
      </section>`
}

const needsScript = markup`<noscript>
          <p class="problem">This page needs JavaScript.</p>
        </noscript>`
