// The setup page's script, in the browser: takes the key from the link's fragment, sends it with the password, and
// shows what comes next. The server decides on both; here are only hints.
export const setupScript = String.raw`const element = (id) => document.getElementById(id)
const form = element('form')
const key = element('key')
const password = element('password')
const problem = element('problem')
const send = element('send')
const shortest = Number(password.dataset.shortest)

const patienceMs = 30_000
let sending = false

form.addEventListener('submit', (event) => {
  event.preventDefault()
  if (!sending) submit()
})
element('reveal').addEventListener('click', () => reveal(password.type === 'password'))
password.addEventListener('input', showStrength)
// A link that is opened where this page is open already changes nothing but the fragment.
addEventListener('hashchange', readLink)

readLink()
send.disabled = false

function readLink() {
  if (!element('done').hidden) return location.reload()
  const given = keyIn(location.hash)
  if (given !== '') key.value = given
  element('key-field').hidden = given !== ''
  showProblem('')
  if (given === '') key.focus()
  else password.focus()
}

/** The key in a fragment, in a whole link, or by itself. */
function keyIn(text) {
  const trimmed = text.trim()
  const at = trimmed.indexOf('#')
  if (at < 0) return trimmed
  return new URLSearchParams(trimmed.slice(at + 1)).get('k') ?? ''
}

async function submit() {
  showProblem('')
  const typedKey = keyIn(key.value)
  const missing = missingField(typedKey)
  if (missing !== undefined) return showProblem(missing.text, missing.field)
  setSending(true)
  const answer = await post({ key: typedKey, password: password.value })
  setSending(false)
  if (answer.done) return showDone()
  // Whoever came by a link that is spent needs a place for the next key.
  if (answer.status === 403) element('key-field').hidden = false
  showProblem(answer.text, fieldOf(answer.status))
}

function missingField(typedKey) {
  if (typedKey === '') {
    return { field: key, text: 'Enter the setup key, or open the setup link that the server printed.' }
  }
  const length = [...password.value].length
  if (length === 0) return { field: password, text: 'Choose a password.' }
  if (length >= shortest) return undefined
  return {
    field: password,
    text: 'This password has ' + counted(length) + '; ' + shortest + ' is the least.',
  }
}

async function post(body) {
  try {
    const response = await fetch('/api/v1/setup', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(patienceMs),
    })
    if (response.ok) return { done: true }
    return { done: false, status: response.status, text: await sentenceOf(response) }
  } catch {
    const text = 'The server did not answer. See whether it still runs, then send this again.'
    return { done: false, status: 0, text }
  }
}

async function sentenceOf(response) {
  const body = await response.json().catch(() => undefined)
  const sentence = body?.errors?.[0]?.message
  if (typeof sentence === 'string') return sentence
  return 'The server answered with the status ' + response.status + '. Its log says more.'
}

function fieldOf(status) {
  if (status === 403) return key
  return status === 400 ? password : undefined
}

/** Below the field that it is about, or above the button. */
function showProblem(text, field) {
  send.before(problem)
  problem.hidden = text === ''
  problem.textContent = text
  for (const each of [key, password]) {
    if (each === field) each.setAttribute('aria-invalid', 'true')
    else each.removeAttribute('aria-invalid')
  }
  if (field === undefined) return
  field.closest('.field').append(problem)
  field.focus()
  if (field === key) key.select()
}

function setSending(now) {
  sending = now
  // Not disabled: that would take the focus away from it.
  send.setAttribute('aria-disabled', String(now))
  send.textContent = now ? 'Setting the password…' : 'Set the password'
}

function showDone() {
  // The key is spent, and belongs neither into the address bar nor into the history.
  history.replaceState(null, '', location.pathname)
  password.value = ''
  key.value = ''
  document.title = 'Ready · Carrel'
  element('choose').hidden = true
  element('done').hidden = false
  element('done-title').focus()
  scrollTo(0, 0)
}

function reveal(shown) {
  password.type = shown ? 'text' : 'password'
  element('reveal').firstElementChild.textContent = shown ? 'Hide' : 'Show'
  password.focus()
}

let saying

function showStrength() {
  const { level, word } = strengthOf(password.value)
  element('strength').dataset.level = level
  element('strength-word').textContent = word
  if (password.hasAttribute('aria-invalid')) showProblem('')
  clearTimeout(saying)
  // Said when the typing pauses, not at every key.
  saying = setTimeout(() => (element('said').textContent = word), 800)
}

/** A rough guess: how many characters do not follow from the one before, and out of how many kinds. */
function strengthOf(text) {
  const characters = [...text]
  if (characters.length === 0) return { level: 0, word: '' }
  if (characters.length < shortest) {
    return { level: 1, word: counted(shortest - characters.length) + ' to go.' }
  }
  let surprises = 1
  for (let i = 1; i < characters.length; i++) {
    const step = characters[i].codePointAt(0) - characters[i - 1].codePointAt(0)
    if (Math.abs(step) > 1) surprises += 1
  }
  const kinds = [/[a-z]/, /[A-Z]/, /[0-9]/, /[^a-zA-Z0-9]/]
  const sizes = [26, 26, 10, 33]
  let alphabet = 0
  for (const [index, kind] of kinds.entries()) if (kind.test(text)) alphabet += sizes[index]
  const few = new Set(characters).size < 6
  // Letters of words tell more than half of each other.
  const bits = few ? 0 : surprises * Math.log2(alphabet) * 0.6
  if (bits < 40) return { level: 1, word: 'Looks weak.' }
  if (bits < 55) return { level: 2, word: 'Looks fair.' }
  if (bits < 70) return { level: 3, word: 'Looks good.' }
  return { level: 4, word: 'Looks strong.' }
}

function counted(length) {
  return length + (length === 1 ? ' character' : ' characters')
}
`
