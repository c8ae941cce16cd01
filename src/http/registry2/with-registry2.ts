// The application as registry:2's configuration wants it: what surrounds all routes.
import type { App } from '../app.ts'
import type { Registry2Answers } from './answers.ts'
import { withPathPrefix } from './path-prefix.ts'
import { withPreflight } from './response-headers.ts'

export function withRegistry2(app: App, answers: Registry2Answers | undefined): App {
  if (answers === undefined) return app
  const isOpenToPages = Object.hasOwn(answers.headers, 'access-control-allow-origin')
  return withPathPrefix(isOpenToPages ? withPreflight(app) : app, answers.pathPrefix)
}
