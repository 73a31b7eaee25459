import { customRoom, type EventName, type ExtensionMessage } from '@cutroom/contract'
import type { Consumer } from '../rooms/log/consumers/consumer.ts'
import { runLimited } from '../rooms/log/consumers/run-limited.ts'
import { collectEmissions, prefixOf } from './emissions.ts'
import { eventsOf, itemOf } from './items.ts'
import { type Authoriser, type Extension, loadExtensions } from './load.ts'

declare module 'fastify' {
  interface FastifyInstance {
    extensions: Extensions
  }
}

/** The name of an extension's consumer in the database. */
export const consumerOf = (id: string): string => `extension-${id}`

/** Rooms of the log that one extension handles at the same time: a handler that takes its time holds up few others. */
const PARALLEL = 8
/** Time of an authoriser, ms. */
const MAY_ENTER_MS = 2_000

export interface ExtensionsOptions {
  /** Told of an authoriser that threw, or took too long. */
  onRefused: (extension: string, room: string, error: unknown) => void
}

/** The extensions of this installation. */
export interface Extensions {
  /** Their ids. */
  ids: readonly string[]
  /** Whether an extension lets a person into a room, `<prefix>:<name>`. Only `true` does; does not throw. */
  mayEnter(person: { id: string; name: string }, room: string): Promise<boolean>
  /**
   * One consumer for each extension with handlers.
   * @param send tells those who are in a room of an extension
   */
  consumers(send: (message: ExtensionMessage) => void): Consumer[]
}

type IsOpened = (prefix: string) => boolean

function consumerFor({ id, events: hooks }: Extension, isOpened: IsOpened, send: (message: ExtensionMessage) => void): Consumer {
  const names = new Set<EventName>(hooks.flatMap(({ collection, action }) => eventsOf(collection, action)))
  return {
    name: consumerOf(id),
    events: [...names],
    parallel: PARALLEL,
    async handle({ event, attempt, signal }) {
      const item = itemOf(event)
      const called = hooks.filter(({ collection, action }) => collection === item?.collection && action === item.action)
      if (!item || called.length === 0) return undefined
      const sent = collectEmissions(id, isOpened, signal)
      const { name, payload, meta } = event
      try {
        for (const { handler } of called) {
          // Copies: what one handler does to them, no other one sees.
          const told = structuredClone({ data: item.data, event: { name, payload, meta } })
          await handler(told.data, { event: told.event, attempt, signal, services: { socket: sent.socket } })
          signal.throwIfAborted()
        }
      } finally {
        sent.close()
      }
      for (const message of sent.messages) send(message)
      if (sent.events.length === 0) return undefined
      return async ({ emit }) => {
        for (const each of sent.events) emit(each.room, 'extension:event', each.payload)
      }
    },
  }
}

/**
 * Loads the extensions of a folder.
 * @param folder undefined: none
 * @throws ExtensionError with a line for each file that is wrong
 */
export async function openExtensions(folder: string | undefined, { onRefused }: ExtensionsOptions): Promise<Extensions> {
  const extensions = await loadExtensions(folder)
  const authorisers = new Map<string, Authoriser & { id: string }>(
    extensions.flatMap(({ id, rooms }) => rooms.map((each) => [each.prefix, { ...each, id }] as const)),
  )
  const never = new AbortController().signal

  return {
    ids: extensions.map(({ id }) => id),
    async mayEnter({ id, name }, room) {
      const authoriser = customRoom.safeParse(room).success ? authorisers.get(prefixOf(room)) : undefined
      if (!authoriser) return false
      try {
        const work = async () => authoriser.mayEnter({ id, name }, room)
        return (await runLimited(work, { outer: never, limitMs: MAY_ENTER_MS, closeMs: 0 })) === true
      } catch (error) {
        onRefused(authoriser.id, room, error)
        return false
      }
    },
    consumers: (send) =>
      extensions
        .filter(({ events }) => events.length > 0)
        .map((extension) => consumerFor(extension, (prefix) => authorisers.has(prefix), send)),
  }
}
