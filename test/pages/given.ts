import { type ClientOptions, createClient, type Room } from '@cutroom/client'
import type { Driver } from '../react/driver.ts'

export const { given } = globalThis

export const options: ClientOptions = {
  url: given.url,
  tokens: given.tokens,
  keepRoomsMs: given.keepRoomsMs,
  socket: { reconnectionDelay: 50, reconnectionDelayMax: 200 },
}
export const client = given.isOwn ? null : createClient(options)

export function seen(room: Room): void {
  if (room.status === 'offline') globalThis.driver.ended++
  for (const known of globalThis.driver.rooms) if (known.deref() === room) return
  globalThis.driver.rooms.add(new WeakRef(room))
}

async function appears(selector: string, isWanted: boolean): Promise<void> {
  while ((document.querySelector(selector) !== null) !== isWanted) await new Promise((next) => setTimeout(next, 1))
}

export function drive(show: Driver['show'], unmount: Driver['unmount']): void {
  globalThis.driver = {
    client,
    show,
    unmount,
    draws: 0,
    rooms: new Set(),
    ended: 0,
    unmounts: 0,
    async cycle(projectId, times) {
      for (let n = 0; n < times; n++) {
        show([{ projectId }])
        await appears('[data-status=live]', true)
        show([])
        await appears('[data-status]', false)
      }
    },
  }
}
export const drawn = (): void => {
  if (globalThis.driver) globalThis.driver.draws++
}
export const unmounted = (): void => {
  globalThis.driver.unmounts++
}
/** The text of a form's only field, which is emptied. */
export function submitted(event: Event): string {
  event.preventDefault()
  const field = (event.target as HTMLFormElement).querySelector('input')
  const text = field?.value ?? ''
  if (field) field.value = ''
  return text
}
