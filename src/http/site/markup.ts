// HTML in which every value is escaped, except what `markup` itself made.
export interface Markup {
  readonly html: string
}

type Value = Markup | string | undefined

export function markup(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  let html = parts[0] ?? ''
  for (const [index, value] of values.entries()) {
    html += htmlOf(value) + (parts[index + 1] ?? '')
  }
  return { html }
}

function htmlOf(value: Value): string {
  if (value === undefined) return ''
  return typeof value === 'string' ? escape(value) : value.html
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => escapes[sign] ?? '')
}
