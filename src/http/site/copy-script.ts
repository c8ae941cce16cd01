// What the copy buttons do, in the browser. Without it they stay hidden.
export const copyScript = String.raw`const said = document.getElementById('said')

for (const button of document.querySelectorAll('button[data-copy]')) {
  button.hidden = false
  button.addEventListener('click', () => copy(button))
}

async function copy(button) {
  const code = document.getElementById(button.dataset.copy)
  const copied = await putOnClipboard(code)
  const label = button.querySelector('span')
  label.textContent = copied ? 'Copied' : 'Selected'
  said.textContent = copied ? 'Copied' : 'Selected: copy it with the keyboard'
  clearTimeout(button.timer)
  button.timer = setTimeout(() => {
    label.textContent = 'Copy'
    said.textContent = ''
  }, 2000)
}

async function putOnClipboard(code) {
  try {
    await navigator.clipboard.writeText(code.textContent)
    return true
  } catch {
    // Browsers give the clipboard to HTTPS and localhost alone. What is selected can be copied by hand at the worst.
    getSelection().selectAllChildren(code)
    return document.execCommand('copy')
  }
}
`
