import { CutroomError, createClient, type Problem } from '@cutroom/client'
import { firstTexts as texts } from '../texts-first.ts'
import { createCell } from './cell.ts'
import { base } from './router.ts'

/** Why the sign-in page is shown without being asked for. */
export const notice = createCell<string | null>(null)
/** `starting`: it is not known yet whether a person is signed in. `unreachable`: the server could not be asked. */
export const phase = createCell<'starting' | 'unreachable' | 'ready'>('starting')

const QUEUE = `cutroom queue ${base}`
const UPLOADS = `cutroom uploads ${base}`

/** Of this tab alone: another one may belong to another person. */
const inTab = (key: string) => ({
  load: () => sessionStorage.getItem(key),
  save: (text: string | null) => (text === null ? sessionStorage.removeItem(key) : sessionStorage.setItem(key, text)),
})

/** The one client of the page. */
export const client = createClient({
  url: base,
  mode: 'cookie',
  retryForMs: 8_000,
  mutationStore: inTab(QUEUE),
  uploadStore: inTab(UPLOADS),
  onSignedOut: (problem) => {
    notice.value = problem.detail?.includes('Another person') ? texts.sign.anotherPerson : texts.sign.elsewhere
  },
})

/** There while a person has signed out on this device and the server does not know it. */
const SIGNED_OUT = `cutroom signed out ${base}`

/** Tells the server of a sign-out that it has not heard of. */
export async function endSignedOut(): Promise<void> {
  if (!localStorage.getItem(SIGNED_OUT)) return
  await client.logout()
  localStorage.removeItem(SIGNED_OUT)
}
addEventListener('online', () => void endSignedOut().catch(() => {}))

export function logout(): Promise<void> {
  localStorage.setItem(SIGNED_OUT, 'yes')
  return endSignedOut()
}

/** Finds out who is signed in. */
export async function start(): Promise<void> {
  phase.value = 'starting'
  try {
    await endSignedOut()
    await client.restore()
    phase.value = 'ready'
  } catch {
    phase.value = 'unreachable'
  }
}

/** What went wrong, with the cure. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof CutroomError)) return error instanceof TypeError ? texts.problems.network : texts.problems.internal
  return problemText(error.problem)
}

/** The words for a problem: ours where there are some, else those of the server. */
export function problemText({ code, detail, title, errors }: Problem): string {
  const own = (texts.problems as Partial<Record<string, string>>)[code]
  const fields = errors?.map(({ pointer, detail: field }) => `${pointer.replace(/^\//, '')}: ${field}`).join(' ')
  return fields || own || detail || title
}
