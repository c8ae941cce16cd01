// The device page's script, in the browser: looks for the program that waits with a code, or sends the answer to it.
export const deviceScript = String.raw`const element = (id) => document.getElementById(id)
const find = element('find')
const answer = element('answer')
const problem = element('problem')
const send = element('send')

const patienceMs = 30_000
let sending = false

send.disabled = false
if (find !== null) {
  find.addEventListener('submit', (event) => {
    event.preventDefault()
    const code = element('code').value.trim()
    if (code === '') return showProblem('Enter the code.')
    location.assign('/device?code=' + encodeURIComponent(code))
  })
}
if (answer !== null) {
  element('refuse').disabled = false
  element('refuse').addEventListener('click', () => give('refuse'))
  answer.addEventListener('submit', (event) => {
    event.preventDefault()
    give('agree')
  })
}

async function give(what) {
  if (sending) return
  setSending(true)
  const text = await post({ code: answer.dataset.code, answer: what })
  setSending(false)
  if (text !== undefined) return showProblem(text)
  showDone(what)
}

/** The reason when it failed. */
async function post(body) {
  try {
    const response = await fetch('/device', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(patienceMs),
    })
    if (response.ok) return undefined
    const said = await response.json().catch(() => undefined)
    return said?.errors?.[0]?.message ?? 'The server answered with the status ' + response.status + '.'
  } catch {
    return 'The server did not answer. See whether it still runs, then try again.'
  }
}

function showProblem(text) {
  problem.hidden = false
  problem.textContent = text
}

function setSending(now) {
  sending = now
  // Not disabled: that would take the focus away from it.
  send.setAttribute('aria-disabled', String(now))
}

function showDone(what) {
  history.replaceState(null, '', location.pathname)
  if (what === 'refuse') {
    element('done-title').textContent = 'The program stays out'
    element('done-text').textContent = 'It is told so, and can do nothing with the code any more.'
  }
  element('confirm').hidden = true
  element('done').hidden = false
  element('done-title').focus()
  scrollTo(0, 0)
}
`
