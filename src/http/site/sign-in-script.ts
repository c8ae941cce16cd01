// The sign-in page's script, in the browser: sends name and password, then the code where one is asked for, and goes
// on. The server decides on all of it, and has checked where to go on to.
export const signInScript = String.raw`const element = (id) => document.getElementById(id)
const passwordForm = element('password-form')
const codeForm = element('code-form')
const user = element('user')
const password = element('password')
const code = element('code')
const providers = element('with-provider')

const patienceMs = 30_000
let sending = false

passwordForm.addEventListener('submit', (event) => {
  event.preventDefault()
  if (!sending) sendPassword()
})
codeForm.addEventListener('submit', (event) => {
  event.preventDefault()
  if (!sending) sendCode()
})
element('reveal').addEventListener('click', () => reveal(password.type === 'password'))
element('begin-again').addEventListener('click', () => showStep('password'))
// A page that comes back out of the browser's memory must not hold what was typed before.
addEventListener('pageshow', (event) => event.persisted && location.reload())
element('send').disabled = false
element('send-code').disabled = false

async function sendPassword() {
  const missing = [user, password].find((field) => field.value === '')
  if (missing !== undefined) {
    const what = missing === user ? 'your user name' : 'your password'
    return showProblem('problem', 'Enter ' + what + '.', missing)
  }
  const answer = await send(element('send'), '/login', {
    user: user.value.trim(),
    password: password.value,
  })
  if (answer.next === 'code') return showStep('code')
  if (answer.next === 'done') return goOn()
  showProblem('problem', answer.text, answer.status === 401 ? password : undefined)
  if (answer.status === 401) password.select()
}

async function sendCode() {
  if (code.value.trim() === '') return showProblem('code-problem', 'Enter the code.', code)
  const answer = await send(element('send-code'), '/login/code', { code: code.value })
  if (answer.next === 'done') return goOn()
  if (answer.next === 'password') {
    showStep('password')
    return showProblem('problem', answer.text, password)
  }
  showProblem('code-problem', answer.text, code)
  code.select()
}

function goOn() {
  password.value = ''
  code.value = ''
  location.assign(passwordForm.dataset.to)
}

async function send(button, address, body) {
  showProblem('problem', '')
  showProblem('code-problem', '')
  setSending(button, true)
  const answer = await post(address, body)
  setSending(button, false)
  return answer
}

async function post(address, body) {
  try {
    const response = await fetch(address, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(patienceMs),
    })
    const said = await response.json().catch(() => undefined)
    const text = said?.errors?.[0]?.message ?? 'The server answered with the status ' + response.status + '.'
    return { next: said?.next, status: response.status, text: said?.message ?? text }
  } catch {
    return { status: 0, text: 'The server did not answer. See whether it still runs, then try again.' }
  }
}

function showStep(step) {
  const asksCode = step === 'code'
  element('with-password').hidden = asksCode
  element('with-code').hidden = !asksCode
  if (providers !== null) providers.hidden = asksCode
  code.value = ''
  if (!asksCode) password.value = ''
  const field = asksCode ? code : password
  field.focus()
}

function showProblem(id, text, field) {
  const problem = element(id)
  problem.hidden = text === ''
  problem.textContent = text
  for (const each of [user, password, code]) {
    if (each === field) each.setAttribute('aria-invalid', 'true')
    else each.removeAttribute('aria-invalid')
  }
  if (field !== undefined) field.focus()
}

function setSending(button, now) {
  sending = now
  // Not disabled: that would take the focus away from it.
  button.setAttribute('aria-disabled', String(now))
}

function reveal(shown) {
  password.type = shown ? 'text' : 'password'
  element('reveal').firstElementChild.textContent = shown ? 'Hide' : 'Show'
  password.focus()
}
`
