// What all pages have in common. Nothing stands inline and nothing comes from elsewhere: the pages work under the
// strictest Content-Security-Policy and on machines without a way out.
import { markup, type Markup } from './markup.ts'

export interface Page {
  readonly title: string
  /** Below /assets/. */
  readonly scripts: readonly string[]
  readonly open: boolean
  readonly content: Markup
}

/** Who looks at a page, and where. */
export interface PageContext {
  /** Host and port as the reader reaches this registry, which is what docker is given. */
  readonly host: string
  /** The page came over TLS. */
  readonly secure: boolean
  /** There is no login at all. */
  readonly open: boolean
  /** The certificate comes from our own authority, which other machines do not know. */
  readonly ownAuthority: boolean
  /** The name of whoever has a session here. */
  readonly signedIn?: string
}

export function pageText({ title, scripts, open, content }: Page): string {
  return markup`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>${title}</title>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta name="robots" content="noindex">
    <link rel="icon" type="image/svg+xml" href="/assets/favicon.svg">
    <link rel="stylesheet" href="/assets/carrel.css">
    ${scriptTags(scripts)}
  </head>
  <body>
    ${open ? openBanner : undefined}
    <main>${content}</main>
    <p id="said" class="unseen" role="status"></p>
  </body>
</html>
`.html
}

function scriptTags(scripts: readonly string[]): Markup {
  let tags = markup``
  for (const script of scripts) {
    tags = markup`${tags}<script type="module" src="/assets/${script}"></script>`
  }
  return tags
}

/** Stands above the heading of every page but the first. */
export const brand = markup`<p class="brand">
        <a href="/"><img src="/assets/favicon.svg" alt="" width="32" height="32">Carrel</a>
      </p>`

const openBanner = markup`<aside class="open" aria-label="Open mode">
      <p>
        <strong>Open mode: there is no login.</strong>
        Whoever reaches this page may push, pull and delete.
      </p>
    </aside>`
