import { bar, type Screen } from './screen.ts'

const REDRAW_MS = 100
/** Without a terminal: a line each time this much more is done. */
const STEP = 0.1

/** Draws the line at the bottom over and over, until the answer is called. */
export function animate(screen: Screen, draw: () => string): () => void {
  screen.status(draw())
  const timer = setInterval(() => screen.status(draw()), REDRAW_MS)
  return () => {
    clearInterval(timer)
    screen.status('')
  }
}

/** How far a long work is: a bar that redraws, or a line now and then. */
export function showProgress(screen: Screen, what: string, total: number, done: () => number, beside: () => string): () => void {
  const began = Date.now()
  const text = (width: number) => {
    const count = done()
    const rate = Math.round(count / Math.max(0.1, (Date.now() - began) / 1000))
    const drawn = width > 0 ? `${bar(count / total, width)} ` : ''
    return `  ${what} ${drawn}${count.toLocaleString('en-US')} of ${total.toLocaleString('en-US')}, ${rate}/s  ${beside()}`
  }
  if (screen.live) return animate(screen, () => text(24))
  let next = STEP
  const timer = setInterval(() => {
    if (done() / total < next) return
    while (done() / total >= next) next += STEP
    screen.line(text(0))
  }, 50)
  return () => clearInterval(timer)
}
