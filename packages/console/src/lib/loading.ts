import { firstTexts as texts } from '../texts-first.ts'
import { base } from './router.ts'
import { client } from './session.ts'

/** Between two attempts, ms. */
const PAUSE_MS = 5_000

/** Styles that could not be loaded: a second import of their view does not ask for them. */
const failed = new Set<HTMLLinkElement>()
addEventListener('error', ({ target }) => target instanceof HTMLLinkElement && failed.add(target), true)

function reloadStyles(): void {
  for (const link of failed) {
    failed.delete(link)
    link.href += '#'
  }
}

/**
 * Why a part of the page cannot be loaded. Where the server has another build it is opened, once for each: servers behind one
 * address may have different ones.
 */
async function reasonOf(): Promise<string> {
  const page = await fetch(`${base}/`).then(
    (answer) => answer.text(),
    () => '',
  )
  const script = /assets\/[\w-]+\.js/.exec(page)?.[0]
  if (!script) return texts.sign.unreachable
  if (!document.scripts[0]?.src.endsWith(script) && !sessionStorage.getItem(script)) {
    sessionStorage.setItem(script, 'opened')
    location.reload()
  }
  return texts.missing
}

/** Loads a part of the page, as often as it takes. @param tell hears why it is not there, and null when it is @returns ends it */
export function keepLoading(load: () => Promise<unknown>, tell: (why: string | null) => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let isOver = false
  const attempt = () => {
    if (timer) reloadStyles()
    load().then(
      () => tell(null),
      async () => {
        tell(await reasonOf())
        clearTimeout(timer)
        if (!isOver) timer = setTimeout(attempt, PAUSE_MS)
      },
    )
  }
  const off = client.on('status', (status) => {
    if (status === 'online') attempt()
  })
  attempt()
  return () => {
    isOver = true
    clearTimeout(timer)
    off()
  }
}
