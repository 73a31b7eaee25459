import * as z from 'zod'
import { at, bo, ids } from './examples.ts'
import { isBounded, Person, time } from './values.ts'

/** One person in a room as the others see them. */
export const Presence = z
  .object({ user: Person, since: time, state: z.record(z.string(), z.unknown()).nullable() })
  .meta({ id: 'Presence', examples: [{ user: bo, since: at, state: { cutId: ids.cut } }] })
export type Presence = z.output<typeof Presence>

/** Levels of objects and lists in a state, and what stands in them. */
const STATE_LEVELS = 8
const STATE_BYTES = 1024
const isSmall = (value: unknown): boolean =>
  isBounded(value, STATE_LEVELS, STATE_BYTES) && new TextEncoder().encode(JSON.stringify(value)).length <= STATE_BYTES

/** What a person shows of themselves in a room. */
export const PresenceState = z
  .record(z.string().max(100), z.unknown())
  .nullable()
  .refine(isSmall, 'at most 1 KiB as JSON, at most 8 levels deep')
