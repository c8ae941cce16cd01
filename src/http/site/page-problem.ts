// What a browser is shown when something came to nothing that has no page of its own: why, and what to do.
import { markup } from './markup.ts'
import { brand, pageText, type PageContext } from './page-frame.ts'

export interface ProblemPage extends PageContext {
  /** What happened. */
  readonly title: string
  /** Whole sentences. */
  readonly why: string
  /** Where another try begins. */
  readonly again: string
}

export function problemPage({ open, title, why, again }: ProblemPage): string {
  return pageText({
    title: `${title} · Carrel`,
    scripts: [],
    open,
    content: markup`
      ${brand}
      <h1>${title}</h1>
      <p class="problem" role="alert">${why}</p>
      <p class="below"><a class="button" href="${again}">Try again</a></p>
    `,
  })
}
