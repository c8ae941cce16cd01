// Where people sign in: name and password, then a code where the account has a second factor; or through a provider.
// The fields have no names, so that no form can carry them anywhere but the script does.
import { markup, type Markup } from './markup.ts'
import { brand, pageText, type PageContext } from './page-frame.ts'

export interface SignInPage extends PageContext {
  /** The path to go to afterwards, which was checked. */
  readonly to: string
  readonly providers: readonly ProviderLink[]
}

export interface ProviderLink {
  readonly name: string
  readonly title: string
}

export function signInPage(page: SignInPage): string {
  const { host, to, open, providers } = page
  return pageText({
    title: 'Sign in · Carrel',
    scripts: open ? [] : ['sign-in.js'],
    open,
    content: markup`
      ${brand}
      <h1 id="title">Sign in</h1>
      ${open ? noLogin : undefined}
      ${open ? undefined : passwordForm(host, to)}
      ${open ? undefined : codeForm}
      ${open || providers.length === 0 ? undefined : providerList(providers, to)}
    `,
  })
}

const noLogin = markup`<p class="lead">
        There is no login here. <a href="/">The start page</a> says how to push and pull.
      </p>`

function passwordForm(host: string, to: string): Markup {
  return markup`<div id="with-password">
        <p class="lead">To <code>${host}</code>, with the name and password that docker uses too.</p>
        <form id="password-form" method="post" action="/login" data-to="${to}" novalidate>
          <div class="field">
            <label for="user">User name</label>
            <input id="user" type="text" required autocomplete="username" autocapitalize="none"
              spellcheck="false" autofocus aria-describedby="problem">
          </div>
          <div class="field">
            <label for="password">Password</label>
            <div class="beside">
              <input id="password" type="password" required autocomplete="current-password"
                autocapitalize="none" spellcheck="false" aria-describedby="problem">
              <button type="button" id="reveal" aria-controls="password"><span>Show</span><span
                class="unseen"> the password</span></button>
            </div>
          </div>
          <p class="problem" id="problem" role="alert" hidden></p>
          <button type="submit" id="send" disabled>Sign in</button>
          <noscript>
            <p class="problem">Signing in with a password needs JavaScript.</p>
          </noscript>
        </form>
      </div>`
}

const codeForm = markup`<div id="with-code" hidden>
        <p class="lead">The password is right. This account has a second factor too.</p>
        <form id="code-form" method="post" action="/login/code" novalidate>
          <div class="field">
            <label for="code">Code</label>
            <input id="code" class="code" type="text" required autocomplete="one-time-code"
              autocapitalize="characters" spellcheck="false" aria-describedby="code-hint code-problem">
            <p class="hint" id="code-hint">
              The six digits that your authenticator app shows. Without the device, one of your recovery codes
              does as well, once.
            </p>
          </div>
          <p class="problem" id="code-problem" role="alert" hidden></p>
          <button type="submit" id="send-code" disabled>Go on</button>
          <p class="below"><button type="button" id="begin-again" class="plain">Begin again</button></p>
        </form>
      </div>`

function providerList(providers: readonly ProviderLink[], to: string): Markup {
  let items = markup``
  for (const { name, title } of providers) {
    const address = `/login/oidc/${name}?to=${encodeURIComponent(to)}`
    items = markup`${items}<li><a class="button" href="${address}">Sign in with ${title}</a></li>`
  }
  return markup`<div id="with-provider">
        <p class="or"><span>or</span></p>
        <ul class="providers">${items}</ul>
      </div>`
}
