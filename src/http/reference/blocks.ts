// A page of the reference, and its two forms: Markdown for the repository, HTML for the server.

export type Block =
  | { kind: 'heading'; level: 1 | 2 | 3; text: string }
  | { kind: 'text'; text: string }
  | { kind: 'table'; head: string[]; rows: string[][] }
  | { kind: 'code'; language: string; text: string }

export const heading = (level: 1 | 2 | 3, text: string): Block => ({ kind: 'heading', level, text })
/** With `code`, **bold** and [links](#there), and no other markup. */
export const text = (text: string): Block => ({ kind: 'text', text })
export const table = (head: string[], rows: string[][]): Block => ({ kind: 'table', head, rows })
export const code = (language: string, text: string): Block => ({ kind: 'code', language, text })

const row = (cells: string[]): string => `| ${cells.join(' | ')} |`.replace(/ +\|/g, ' |')

function markdownOf(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `${'#'.repeat(block.level)} ${block.text}`
    case 'text':
      return block.text
    case 'code':
      return `\`\`\`${block.language}\n${block.text}\n\`\`\``
    case 'table':
      return [row(block.head), `|${'---|'.repeat(block.head.length)}`, ...block.rows.map(row)].join('\n')
  }
}

export const toMarkdown = (blocks: readonly Block[]): string => `${blocks.map(markdownOf).join('\n\n')}\n`

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => ESCAPES[character] ?? '')

const inline = (text: string): string =>
  escaped(text)
    .replace(/`([^`]+)`/g, '<code>$1</code>')
    .replace(/\*\*([^*]+)\*\*/g, '<b>$1</b>')
    .replace(/\[([^\]]+)\]\((#[\w-]+)\)/g, '<a href="$2">$1</a>')

/** As GitHub names headings. */
const slugOf = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 64rem; padding: 1rem 1.5rem 4rem; }
h2 { margin-top: 3rem; border-bottom: 1px solid #8886; }
h3 { margin-top: 2.5rem; }
h3 code { font-size: 1.1rem; }
nav { columns: 16rem; }
nav a { display: block; }
code, pre { font: 0.9rem/1.5 ui-monospace, monospace; }
pre { background: #8881; overflow-x: auto; padding: 0.75rem 1rem; }
div { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { border-bottom: 1px solid #8884; padding: 0.25rem 1rem 0.25rem 0; text-align: left; vertical-align: top; }
a { color: light-dark(#0b57d0, #8ab4f8); }
`

function htmlOf(block: Block, idOf: (text: string) => string): string {
  switch (block.kind) {
    case 'heading':
      return `<h${block.level} id="${idOf(block.text)}">${inline(block.text)}</h${block.level}>`
    case 'text':
      return `<p>${inline(block.text)}</p>`
    case 'code':
      return `<pre tabindex="0"><code>${escaped(block.text)}</code></pre>`
    case 'table': {
      const cells = (tag: string, texts: string[]) => texts.map((each) => `<${tag}>${inline(each)}</${tag}>`).join('')
      const head = `<tr>${block.head.map((each) => (each === '' ? '<td></td>' : `<th scope="col">${inline(each)}</th>`)).join('')}</tr>`
      return `<div tabindex="0"><table><thead>${head}</thead><tbody>${block.rows.map((each) => `<tr>${cells('td', each)}</tr>`).join('')}</tbody></table></div>`
    }
  }
}

/** A page that needs no script, nor anything from elsewhere. */
export function toHtml(title: string, blocks: readonly Block[]): string {
  const used = new Map<string, number>()
  const idOf = (text: string): string => {
    const slug = slugOf(text)
    const n = used.get(slug) ?? 0
    used.set(slug, n + 1)
    return n === 0 ? slug : `${slug}-${n}`
  }
  const entries: string[] = []
  const parts = blocks.map((block) => {
    const html = htmlOf(block, idOf)
    const id = /^<h[23] id="([^"]+)"/.exec(html)?.[1]
    if (block.kind === 'heading' && id !== undefined)
      entries.push(`<a href="#${id}">${block.level === 2 ? `<b>${inline(block.text)}</b>` : inline(block.text)}</a>`)
    return html
  })
  const [first = '', ...rest] = parts
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><title>${escaped(title)}</title><style>${STYLE}</style></head>
<body><main>
${first}
<nav aria-label="Contents">${entries.join('\n')}</nav>
${rest.join('\n')}
</main></body>
</html>
`
}
