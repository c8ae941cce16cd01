// A browser of the tests: it keeps cookies as browsers do, and says of its requests what browsers say.
import { ask, type Answer, type TestApp } from './app.ts'

export interface Visitor {
  /** As if the address was typed, or followed from a link. */
  open(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>
  /** As a script of our own page does. */
  send(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>
  /** Name and password, as the sign-in page sends them. */
  signIn(user: string, password: string): Promise<Answer>
  readonly cookies: Map<string, string>
  /** The last Set-Cookie of each name, whole. */
  readonly setCookies: Map<string, string>
}

export const sessionCookie = '__Host-carrel'
export const loginCookie = '__Host-carrel-login'

export function aVisitor(app: Pick<TestApp, 'app'>, address = '127.0.0.1'): Visitor {
  const cookies = new Map<string, string>()
  const setCookies = new Map<string, string>()
  const peer = { address, loopback: address === '127.0.0.1', secure: true }

  function headersWith(more: Readonly<Record<string, string>>) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    return { 'user-agent': 'a browser', ...(cookie !== '' && { cookie }), ...more }
  }

  function keep(answer: Answer): Answer {
    const line = answer.headers['set-cookie']
    const [, name, value = ''] = /^([^=]+)=([^;]*)/.exec(line ?? '') ?? []
    if (name === undefined || line === undefined) return answer
    setCookies.set(name, line)
    if (value === '' || line.includes('Max-Age=0')) cookies.delete(name)
    else cookies.set(name, value)
    return answer
  }

  async function send(path: string, body: unknown, more: Readonly<Record<string, string>> = {}) {
    const own = { 'sec-fetch-site': 'same-origin', ...more }
    const question = { headers: headersWith(own), type: 'application/json', peer }
    return keep(await ask(app, `POST ${path}`, { ...question, body: JSON.stringify(body) }))
  }

  return {
    cookies,
    setCookies,
    send,
    signIn: async (user, password) => send('/login', { user, password }),
    open: async (path, more = {}) => {
      const own = { accept: 'text/html', 'sec-fetch-site': 'none', ...more }
      return keep(await ask(app, `GET ${path}`, { headers: headersWith(own), peer }))
    },
  }
}
