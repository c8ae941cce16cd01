// Foreign text inside a message. It reaches a terminal through docker word for word, so it is kept
// short and printable: no control characters, no direction marks, no quotes of its own.

const maxShown = 100

export function quoted(text: string): string {
  const shown = text.length > maxShown ? `${text.slice(0, maxShown)}...` : text
  return `"${shown.replace(/[^ !#-[\]-~]/g, escaped)}"`
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
