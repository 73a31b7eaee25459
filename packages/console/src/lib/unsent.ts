// What a person has written in this tab and not sent: it survives a change of the view, a reload, and the end of the session.
import { client, logout } from './session.ts'

/** Of one person: the next one in this tab sees nothing of it. */
const prefix = (): string => `cutroom unsent ${client.userId ?? ''} `

export const unsent = (key: string): string | null => sessionStorage.getItem(prefix() + key)

/** @param text null or empty: nothing is kept */
export function keepUnsent(key: string, text: string | null): void {
  if (text) sessionStorage.setItem(prefix() + key, text)
  else sessionStorage.removeItem(prefix() + key)
}

/** Signs out, and forgets what was not sent. @throws when the server could not be told: it is told later */
export function signOut(): Promise<void> {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith(prefix())) sessionStorage.removeItem(key)
  return logout()
}
