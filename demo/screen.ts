import { stripVTControlCharacters, styleText } from 'node:util'

export type Style = 'cyan' | 'yellow' | 'magenta' | 'red' | 'green' | 'dim' | 'bold'

/** Lines that stay, and under them one line that is drawn over and over. */
export interface Screen {
  /** A terminal that can redraw. */
  live: boolean
  width: number
  paint(style: Style, text: string): string
  line(text?: string): void
  /** Shown until the next one; '' clears it. Without a terminal nothing. */
  status(text: string): void
  /** Puts the terminal back as it was. */
  close(): void
}

const HIDE = '\x1b[?25l'
const SHOW = '\x1b[?25h'
const CLEAR = '\r\x1b[2K'

/** The visible length of a text with colours. */
export const lengthOf = (text: string): number => stripVTControlCharacters(text).length

/** Cuts a plain text to `width`. */
export const shorten = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`

export const padEnd = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - lengthOf(text)))
export const padStart = (text: string, width: number): string => ' '.repeat(Math.max(0, width - lengthOf(text))) + text

/** Equal texts counted: `404 ×12, 403`. */
export function count(texts: readonly string[]): string {
  const times = new Map<string, number>()
  for (const text of texts) times.set(text, (times.get(text) ?? 0) + 1)
  return [...times].map(([text, n]) => (n > 1 ? `${text} ×${n}` : text)).join(', ')
}

/** A text in lines of at most `width`, cut between words and indented as it begins. */
export function wrap(text: string, width: number): string {
  if (lengthOf(text) <= width) return text
  const indent = /^ */.exec(text)?.[0] ?? ''
  const lines: string[] = []
  let line = indent
  for (const word of text.trimStart().split(' ')) {
    if (line !== indent && lengthOf(`${line} ${word}`) > width) {
      lines.push(line)
      line = indent
    }
    line += line === indent ? word : ` ${word}`
  }
  return [...lines, line].join('\n')
}

/** How far something is, as a bar of `width` characters. */
export function bar(share: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width)
  return '█'.repeat(full) + '░'.repeat(width - full)
}

/** A screen on a stream. NO_COLOR takes the colours away, FORCE_COLOR brings them where there is no terminal. */
export function createScreen(out: NodeJS.WriteStream, env: NodeJS.ProcessEnv): Screen {
  const live = out.isTTY === true
  const coloured = !env.NO_COLOR && (live || Boolean(env.FORCE_COLOR))
  let current = ''
  const width = () => Math.max(80, Math.min(out.columns ?? 80, 120))
  const draw = () => {
    if (current !== '')
      out.write(
        `${HIDE}${CLEAR}${lengthOf(current) < (out.columns ?? 100) ? current : shorten(stripVTControlCharacters(current), (out.columns ?? 100) - 1)}`,
      )
  }
  return {
    live,
    get width() {
      return width()
    },
    paint: (style, text) => (coloured ? styleText(style, text) : text),
    line(text = '') {
      out.write(`${live && current !== '' ? CLEAR : ''}${wrap(text, width())}\n`)
      if (live) draw()
    },
    status(text) {
      if (!live) return
      if (text === '' && current !== '') out.write(`${CLEAR}${SHOW}`)
      current = text
      draw()
    },
    close() {
      if (live) out.write(`${current === '' ? '' : CLEAR}${SHOW}`)
      current = ''
    },
  }
}
