// Where the holder of a one-time link chooses the administrator's password. The key stands in the fragment, which no
// browser sends; the fields have no names, so that no form can carry them anywhere but the script does.
import { markup, type Markup } from './markup.ts'
import { pageText, type PageContext } from './page-frame.ts'
import { pushSteps } from './push-steps.ts'

export interface SetupPage extends PageContext {
  /** Whose password is chosen. */
  readonly user: string
}

/** What the page promises; the policy of passwords decides. A test holds both together. */
export const shortestPassword = 12

export function setupPage(page: SetupPage): string {
  return pageText({
    title: 'Set up · Carrel',
    scripts: ['copy.js', 'setup.js'],
    open: page.open,
    content: markup`
      <p class="brand">
        <a href="/"><img src="/assets/favicon.svg" alt="" width="32" height="32">Carrel</a>
      </p>
      ${choose(page)}
      ${done(page)}
    `,
  })
}

function choose({ host, user }: SetupPage): Markup {
  return markup`<section id="choose">
        <h1>Choose the administrator’s password</h1>
        <p class="lead">
          With it, <code>${user}</code> signs in to <code>${host}</code>.
        </p>
        <form id="form" method="post" action="/api/v1/setup" novalidate>
          <div class="field" id="key-field">
            <label for="key">Setup key</label>
            <input id="key" class="code" type="text" required autocomplete="off" autocapitalize="characters"
              spellcheck="false" placeholder="XXXX-XXXX-XXXX-XXXX-XXXX" aria-describedby="key-hint problem">
            <p class="hint" id="key-hint">
              The server printed it at its start: what follows <code>#k=</code> in the setup link. For a new
              one, run <code>carrel admin link</code> there.
            </p>
          </div>
          <div class="field">
            <label for="user">User name</label>
            <input id="user" type="text" value="${user}" readonly autocomplete="username">
          </div>
          <div class="field">
            <label for="password">Password</label>
            <div class="beside">
              <input id="password" type="password" required autocomplete="new-password" autocapitalize="none"
                spellcheck="false" data-shortest="${String(shortestPassword)}"
                aria-describedby="password-hint problem">
              <button type="button" id="reveal" aria-controls="password"><span>Show</span><span
                class="unseen"> the password</span></button>
            </div>
            <div class="strength" id="strength" data-level="0" aria-hidden="true">
              <span></span><span></span><span></span><span></span>
              <em id="strength-word"></em>
            </div>
            <p class="hint" id="password-hint">
              At least ${String(shortestPassword)} characters. Several unrelated words are strong, and easy to
              remember.
            </p>
          </div>
          <p class="problem" id="problem" role="alert" hidden></p>
          <button type="submit" id="send" disabled>Set the password</button>
          <noscript>
            <p class="problem">
              This page needs JavaScript. Without it, run on the server:
              <code>carrel admin reset-password</code>
            </p>
          </noscript>
        </form>
      </section>`
}

function done(page: SetupPage): Markup {
  return markup`<section id="done" hidden>
        <h1 id="done-title" tabindex="-1">The password is set</h1>
        <p class="lead">
          You are <code>${page.user}</code>, the administrator. The link has done its work and opens nothing any
          more. Now push the first image:
        </p>
        ${pushSteps(page, page.user)}
        <footer>
          <p>You find these lines again on <a href="/">the start page</a>.</p>
        </footer>
      </section>`
}
