// What extensions of an installation send. The operator's code names the events: they stand inside the payload, never as its name.
import * as z from 'zod'
import { ids } from './examples.ts'
import type { EventText } from './noun.ts'
import { isBounded, MAX_LEVELS, MAX_VALUES } from './values.ts'

/** Bytes of what an extension sends in one event, as JSON. */
export const MAX_EXTENSION_DATA = 16 * 1024
const fits = (value: unknown): boolean =>
  isBounded(value, MAX_LEVELS, MAX_VALUES) && new TextEncoder().encode(JSON.stringify(value)).length <= MAX_EXTENSION_DATA

const said = {
  from: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,39}$/)
    .meta({ description: 'Id of the extension' }),
  event: z
    .string()
    .regex(/^[\x21-\x7e]{1,100}$/)
    .meta({ description: 'The name that the extension gave it' }),
  data: z.unknown().refine(fits, 'at most 16 KiB as JSON').meta({ description: 'Anything, at most 16 KiB as JSON' }),
}
const example = { from: 'mix-bell', event: 'mix.ready', data: { taskId: ids.task } }

/** What an extension tells a project or a person: durable, in the log of the room. */
export const ExtensionEvent = z.object(said).meta({ id: 'ExtensionEvent', examples: [example] })
export type ExtensionEvent = z.output<typeof ExtensionEvent>

/** The name of a room that an extension opens: `<prefix>:<name>`. */
export const customRoom = z
  .string()
  .max(200)
  .regex(/^[A-Za-z][\w-]{0,39}:[\x21-\x7e]+$/, 'must be a prefix, a colon and a name, without spaces')
  .meta({ description: '`<prefix>:<name>`, with the prefix of an extension', examples: ['discussion:123'] })

/** What an extension tells those in a room of its own: passing, in no log. */
export const ExtensionMessage = z
  .object({ room: customRoom, ...said })
  .meta({ id: 'ExtensionMessage', examples: [{ room: 'discussion:123', ...example }] })
export type ExtensionMessage = z.output<typeof ExtensionMessage>

export const userEvents = { 'extension:event': ExtensionEvent }

export const extensionEventText: EventText = {
  when: 'An extension of this installation has something to say in the room',
  to: 'All in the room of the project; in a person’s own room each of their connections',
}
