// How to get an image in and out, with lines to copy that hold this registry's address.
import { markup, type Markup } from './markup.ts'
import type { PageContext } from './page-frame.ts'

const image = 'alpine:3.22'
const repository = 'demo/alpine'

/** Steps for anybody, or for `user` who has just got a password. */
export function pushSteps(context: PageContext, user?: string): Markup {
  const { host, open, ownAuthority } = context
  const far = ownAuthority && !isThisMachine(host)
  const near = ownAuthority && !far
  return markup`<ol class="steps">
        ${far ? trustStep(context) : undefined}
        ${open ? undefined : signInStep(host, user)}
        ${pushStep(context)}
        ${pullStep(host)}
      </ol>
      ${near ? trustNote(context) : undefined}`
}

function trustStep(context: PageContext): Markup {
  return markup`<li>
          <h2>Trust its certificate</h2>
          <p>
            The certificate comes from this registry’s own authority, which other machines do not know yet.
            Run this once on each machine. Docker, podman and containerd then trust this registry;
            nothing else changes.
          </p>
          ${trustCommand(context)}
        </li>`
}

/** Docker takes localhost as it is, so this is no step. */
function trustNote(context: PageContext): Markup {
  const elsewhere = context.open
    ? undefined
    : markup`<p>
          From another machine, write this machine’s name or address in place of <code>${nameOf(context.host)}</code>, and
          run that line there first. If nothing answers there, Carrel listens to this machine alone; start it
          with <code class="whole">carrel up --listen 0.0.0.0:${portOf(context.host)}</code>
        </p>`
  const title = context.open ? 'Podman and containerd' : 'Podman, containerd and other machines'
  return markup`<section class="note">
        <h2>${title}</h2>
        <p>
          Docker trusts <code>${nameOf(context.host)}</code> as it is. Podman, containerd and others want to know the authority of its
          certificate. Run this once:
        </p>
        ${trustCommand(context)}
        ${elsewhere}
      </section>`
}

function trustCommand({ host, secure }: PageContext): Markup {
  // Without a port, plain HTTP would go to another one than this page came from. TLS proves no more before the trust.
  const fetch = secure && !/:\d+$/.test(host) ? 'curl -fsSk https:' : 'curl -fsS http:'
  return markup`${command('copy-trust', `${fetch}//${host}/ca.sh | sudo sh`, 'the line that trusts it')}
          <p class="aside">
            You can <a href="/ca.sh">read the script</a> first, or take
            <a href="/ca.crt">the authority’s certificate</a> alone. The SHA-256 fingerprint must be the one
            that the server showed when it started.
          </p>`
}

function signInStep(host: string, user: string | undefined): Markup {
  const login = user === undefined ? `docker login ${host}` : `docker login ${host} -u ${user}`
  const asks =
    user === undefined
      ? 'Docker asks for your user name and password.'
      : 'Docker asks for the password that you have just chosen.'
  return markup`<li>
          <h2>Sign in</h2>
          ${command('copy-login', login, 'docker login')}
          <p class="aside">${asks} Podman takes the same lines with <code>podman</code> in front.</p>
        </li>`
}

function pushStep({ host, open }: PageContext): Markup {
  const kept = `${host}/${repository}`
  const isPrivate = open ? '.' : ', and it is private.'
  return markup`<li>
          <h2>Push an image</h2>
          ${command('copy-take', `docker pull ${image}`, 'docker pull of an example')}
          ${command('copy-tag', `docker tag ${image} ${kept}:3.22`, 'docker tag')}
          ${command('copy-push', `docker push ${kept}:3.22`, 'docker push')}
          <p class="aside">
            Any image will do. The first push makes the repository <code>${repository}</code>${isPrivate}
          </p>
        </li>`
}

function pullStep(host: string): Markup {
  return markup`<li>
          <h2>Pull it</h2>
          ${command('copy-pull', `docker pull ${host}/${repository}:3.22`, 'docker pull from here')}
        </li>`
}

/** `what` tells apart the buttons of a page for those who hear it. */
function command(id: string, line: string, what: string): Markup {
  return markup`<div class="command"><code id="${id}">${breakable(line)}</code><button type="button" data-copy="${id}" hidden><span>Copy</span><span class="unseen"> ${what}</span></button></div>`
}

/** A long name is broken after a slash or before a port rather than within a word. */
function breakable(line: string): Markup {
  const [first = '', ...rest] = line.split(/(?<=[^/]\/)(?=[^/])|(?<=\S)(?=:\d+(?:\/|\s|$))/)
  let text = markup`${first}`
  for (const part of rest) text = markup`${text}<wbr>${part}`
  return text
}

function isThisMachine(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/.test(host)
}

function portOf(host: string): string {
  return /:(\d+)$/.exec(host)?.[1] ?? '5443'
}

function nameOf(host: string): string {
  return host.replace(/:\d+$/, '')
}
