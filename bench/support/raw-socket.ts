import { openSocketTransport } from '../../test/support/socket-transport.ts'
import { N_LENGTH } from './subject.ts'

/** A Socket.IO client spoken by hand: cheap enough for thousands of them beside the server, and alike for all who speak it. */
export interface RawSocket {
  /** Emits and waits for the acknowledgement's first argument. */
  ask(name: string, payload: unknown): Promise<unknown>
  close(): Promise<void>
}

const PATIENCE_MS = 30_000

/**
 * Connects over WebSocket and resolves when the namespace is open.
 * @param auth what stock clients give as `auth`
 * @param onEvent the text of each event as in the packet: `["name",…]`
 * @throws when the server refuses, or sends nothing for 30 s
 */
export function openRaw(url: string, auth: unknown, onEvent: (text: string) => void): Promise<RawSocket> {
  const answers = new Map<number, (answer: unknown) => void>()
  let onPacket: (text: string) => void = () => {}
  const socket = openSocketTransport(url, (data) => onPacket(data.toString('utf8')))
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  let asked = 0

  function ask(name: string, payload: unknown): Promise<unknown> {
    const id = asked++
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${name} was not answered in ${PATIENCE_MS} ms`)), PATIENCE_MS)
      answers.set(id, (answer) => {
        clearTimeout(late)
        resolve(answer)
      })
      socket.send(`42${id}${JSON.stringify([name, payload])}`)
    })
  }
  async function close(): Promise<void> {
    socket.close()
    await closed
  }

  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('the server does not open the socket')), PATIENCE_MS)
    socket.on('error', reject)
    socket.on('close', (code) => reject(new Error(`the socket was closed (${code})`)))
    onPacket = (text) => {
      if (text.startsWith('42')) onEvent(text.slice(2))
      else if (text.startsWith('0')) socket.send(`40${JSON.stringify(auth)}`)
      else if (text.startsWith('40')) {
        clearTimeout(late)
        resolve({ ask, close })
      } else if (text.startsWith('43')) {
        const start = text.indexOf('[')
        answers.get(Number(text.slice(2, start)))?.((JSON.parse(text.slice(start)) as unknown[])[0])
        answers.delete(Number(text.slice(2, start)))
      } else if (text.startsWith('44')) reject(new Error(`refused: ${text}`))
    }
  })
}

/** The `n` of a comment in an event's text, without parsing all of it; null where there is none. */
export function nOfEvent(text: string): string | null {
  const at = text.indexOf('"body":"')
  return at === -1 ? null : text.slice(at + 8, at + 8 + N_LENGTH)
}
