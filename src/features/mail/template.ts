import type { Mail } from '../../ports/mail/mailer.ts'

/** A line of a list: what it says, in smaller letters what belongs to it, and where it leads. */
export interface MailItem {
  text: string
  detail?: string
  url?: string
}

/** A list, perhaps with a link in small letters below it. */
export interface MailSection {
  title: string
  items: readonly MailItem[]
  link?: { label: string; url: string }
}

/** What a mail says. All of it is plain text, which is escaped where HTML is made. */
export interface MailContent {
  heading: string
  /** Paragraphs above the button. */
  paragraphs: readonly string[]
  /** The button; its address stands below it, too, to be copied. */
  button?: { label: string; url: string }
  /** Lists below it. */
  sections?: readonly MailSection[]
  /** Small print: why one gets this mail, what to do if it is unexpected. */
  notes: readonly string[]
  /** The link that ends mails of this kind. */
  unsubscribe?: { label: string; url: string }
}

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Text for HTML, between tags and inside quoted attributes. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '')

/** An address for `href`: a page, never a script. Without PUBLIC_URL it is a path. */
const href = (url: string): string => (/^(https?:\/\/|\/)/.test(url) ? escapeHtml(url) : '')

const font = `font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif`
const styles = {
  body: `margin:0;padding:0;background:#f4f4f6;color:#1d1d22;${font}`,
  card: 'width:100%;max-width:560px;background:#ffffff;border:1px solid #e2e2e8;border-radius:8px',
  heading: `margin:0 0 16px;font-size:20px;line-height:28px;font-weight:600;${font}`,
  paragraph: `margin:0 0 16px;font-size:15px;line-height:23px;${font}`,
  button: `display:inline-block;padding:11px 20px;background:#3d3dc4;border-radius:6px;color:#ffffff;font-size:15px;font-weight:600;text-decoration:none;${font}`,
  copy: `margin:12px 0 20px;font-size:12px;line-height:18px;color:#6a6a75;word-break:break-all;${font}`,
  title: `margin:20px 0 6px;font-size:15px;line-height:22px;font-weight:600;${font}`,
  item: `padding:8px 0;border-top:1px solid #ececf1;font-size:14px;line-height:21px;word-break:break-word;${font}`,
  link: 'color:#3d3dc4;text-decoration:none',
  detail: 'color:#6a6a75;font-size:13px;line-height:19px',
  note: `margin:0 0 8px;font-size:12px;line-height:18px;color:#6a6a75;${font}`,
} as const

const paragraph = (style: string, html: string): string => `<p style="${style}">${html}</p>`
const anchor = (url: string, text: string): string => `<a href="${href(url)}" style="${styles.link}">${escapeHtml(text)}</a>`

function itemHtml({ text, detail, url }: MailItem): string {
  const line = url === undefined ? escapeHtml(text) : anchor(url, text)
  const small = detail === undefined ? '' : `<br><span style="${styles.detail}">${escapeHtml(detail)}</span>`
  return `<tr><td style="${styles.item}">${line}${small}</td></tr>`
}

function toHtml({ heading, paragraphs, button, sections = [], notes, unsubscribe }: MailContent): string {
  const lists = sections.map(
    ({ title, items, link }) =>
      `<h2 style="${styles.title}">${escapeHtml(title)}</h2>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0">${items.map(itemHtml).join('\n')}</table>${
        link ? paragraph(styles.note, anchor(link.url, link.label)) : ''
      }`,
  )
  const main = [
    `<h1 style="${styles.heading}">${escapeHtml(heading)}</h1>`,
    ...paragraphs.map((text) => paragraph(styles.paragraph, escapeHtml(text))),
    ...(button
      ? [
          `<a href="${href(button.url)}" style="${styles.button}">${escapeHtml(button.label)}</a>`,
          paragraph(styles.copy, escapeHtml(button.url)),
        ]
      : []),
    ...lists,
  ]
  const small = [
    ...notes.map((text) => paragraph(styles.note, escapeHtml(text))),
    ...(unsubscribe ? [paragraph(styles.note, anchor(unsubscribe.url, unsubscribe.label))] : []),
  ]
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeHtml(heading)}</title>
</head>
<body style="${styles.body}">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td align="center" style="padding:24px 12px">
<table role="presentation" cellpadding="0" cellspacing="0" style="${styles.card}">
<tr><td style="padding:28px 28px 20px">
${main.join('\n')}
</td></tr>
<tr><td style="padding:16px 28px 12px;border-top:1px solid #ececf1">
${small.join('\n')}
</td></tr>
</table>
</td></tr></table>
</body>
</html>
`
}

function itemText({ text, detail, url }: MailItem): string {
  return [`- ${text}`, ...[detail, url].flatMap((line) => (line === undefined ? [] : [`  ${line}`]))].join('\n')
}

function toText({ heading, paragraphs, button, sections = [], notes, unsubscribe }: MailContent): string {
  const blocks = [
    heading,
    ...paragraphs,
    ...(button ? [`${button.label}: ${button.url}`] : []),
    ...sections.map(({ title, items, link }) =>
      [title, ...items.map(itemText), ...(link ? [`${link.label}: ${link.url}`] : [])].join('\n'),
    ),
    ['-- ', ...notes, ...(unsubscribe ? [`${unsubscribe.label}: ${unsubscribe.url}`] : [])].join('\n'),
  ]
  return `${blocks.join('\n\n')}\n`
}

/** A mail as plain text beside simple HTML, and where its button leads. */
export const renderMail = (content: MailContent): Pick<Mail, 'text' | 'html' | 'link'> => ({
  text: toText(content),
  html: toHtml(content),
  ...(content.button && { link: content.button.url }),
})
