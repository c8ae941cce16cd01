// The start page: what this is, and how to push to it and pull from it.
import { markup, type Markup } from './markup.ts'
import { pageText, type PageContext } from './page-frame.ts'
import { pushSteps } from './push-steps.ts'

export function homePage(context: PageContext): string {
  const { host, open } = context
  return pageText({
    title: `Carrel · ${host}`,
    scripts: ['copy.js'],
    open,
    content: markup`
      <header class="title">
        <img src="/assets/favicon.svg" alt="" width="56" height="56">
        <div>
          <h1>Carrel</h1>
          <p>A private image library at <code>${host}</code></p>
        </div>
      </header>
      <p class="lead">
        It keeps container images for those who may push and pull them, with docker, podman or any other OCI
        tool.
      </p>
      ${pushSteps(context)}
      ${open ? undefined : accountHint(context)}
    `,
  })
}

function accountHint({ signedIn }: PageContext): Markup {
  if (signedIn !== undefined) {
    return markup`<footer>
        <p>You are signed in as <a href="/account">${signedIn}</a>.</p>
      </footer>`
  }
  return markup`<footer>
        <p><a href="/login">Sign in</a> to see what you may do, and your tokens.</p>
        <p>
          Just installed? Open the setup link that the server printed when it started, or
          <a href="/setup">enter its key</a>.
        </p>
      </footer>`
}
