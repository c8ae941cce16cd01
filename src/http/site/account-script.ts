// The account page's script, in the browser: signs out by a request that says where it comes from. Without it the form
// does the same wherever the connection is encrypted.
export const accountScript = String.raw`const form = document.getElementById('sign-out')
const said = document.getElementById('said')

form.addEventListener('submit', (event) => {
  event.preventDefault()
  signOut()
})

async function signOut() {
  try {
    const response = await fetch('/logout', { method: 'POST', signal: AbortSignal.timeout(30_000) })
    if (response.ok) return location.assign('/login')
  } catch {
    // What is said below holds for this as well.
  }
  said.classList.remove('unseen')
  said.textContent = 'Signing out failed. Load this page again and see whether you are still signed in.'
}
`
