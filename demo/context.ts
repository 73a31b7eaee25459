import type { CutroomClient } from '@cutroom/client'
import { rooms } from '@cutroom/contract'
import type { Filled } from '../src/cli/band/fill.ts'
import type { Random } from '../test/support/random.ts'
import type { Action } from './action.ts'
import { pause } from './clock.ts'
import type { Host } from './host.ts'
import type { Narrator } from './narrator.ts'
import type { Person } from './people.ts'
import type { Screen } from './screen.ts'

/** Everything a scene needs. */
export interface Stage {
  screen: Screen
  narrator: Narrator
  random: Random
  host: Host
  /** The owner, as this process speaks for them. */
  client: CutroomClient
  projectId: string
  filled: Filled
  owner: Person
  editor: Person
  commenter: Person
  /** The commenter's. */
  phone: Person
  stranger: Person
  quick: boolean
  /** How many steps are done, for the bar at the bottom. */
  steps: number
}

export const membersOf = ({ owner, editor, commenter }: Stage): Person[] => [owner, editor, commenter]

/** Milliseconds between two things that a person does, so that one can read along. */
const BEAT_MS = 420

/** One thing that a person does; the next one may come when it was answered, and a person could have read it. */
export async function beat(stage: Stage, who: Person, action: Action, share = 1): Promise<string> {
  const id = await who.act(action)
  stage.steps++
  await breathe(stage, share)
  return id
}

export const breathe = (stage: Stage, share = 1): Promise<void> => pause((stage.quick ? 15 : BEAT_MS) * share)

/** Where the project's log stands. */
export async function headOf({ client, projectId }: Pick<Stage, 'client' | 'projectId'>): Promise<number> {
  return (await client.call(rooms.events, { params: { projectId }, query: { limit: 1 }, retryForMs: 30_000 })).head
}

/** Waits until all have noticed that their connection is gone. */
export async function everybodyIsAway(people: readonly Person[]): Promise<void> {
  for (let waited = 0; people.some((person) => person.isLive); waited += 5) {
    if (waited > 15_000) throw new Error('a client does not notice that its connection is gone')
    await pause(5)
  }
}

/** Waits until all who listen have what is in the log; gives up quietly, since the end tells what is missing. */
export async function everybodyHas(people: readonly Person[], head: number): Promise<void> {
  for (let waited = 0; waited < 15_000; waited += 10) {
    if (people.every((person) => Math.max(person.after, person.sightings.at(-1)?.seq ?? 0) >= head)) return
    await pause(10)
  }
}
