import { collections as projectCollections, type StateChange, stateChanges } from '@cutroom/contract'
import { ProblemError, problem } from '../errors.ts'
import type { DialectCaller } from '../rooms/dialect.ts'
import { collections } from './baasix-items.ts'
import type { DialectContext } from './context.ts'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
/** UTF-16 units of a room's name. */
const MAX_NAME = 200

/** The path parameters that name items of a collection. */
const params = new Map<string, string>([
  ['projects', 'projectId'],
  ...(Object.values(stateChanges) as StateChange[]).flatMap((change): [string, string][] =>
    change.kind === 'remove' && change.collection !== 'members' ? [[change.collection, change.id]] : [],
  ),
  ['lyrics', projectCollections.lyrics.key],
])

const joined = (room: string) => ({ success: true, message: `Joined ${room}` })
/** Of what is unknown, of what is foreign, and of what no authoriser opens: which of them it was is not said. */
const refused = () => problem('not-found', 'There is no such room, or you may not join it')

/**
 * `join` of the document. A socket receives all it may see without it: in `user:`, `collection:` and `item:` rooms the answer is whether it
 * does. Other rooms are those of extensions, closed unless an authoriser opens them.
 */
export function createRooms({ query, authorizer }: DialectContext) {
  async function mayRead(caller: DialectCaller, collection: string, id: string): Promise<boolean> {
    const param = params.get(collection)
    if (param === undefined || !UUID.test(id)) return false
    try {
      await authorizer.authorize(query, caller, 'project:read', { param, id: id.toLowerCase() })
      return true
    } catch (error) {
      if (error instanceof ProblemError && ['not-found', 'forbidden'].includes(error.code)) return false
      throw error
    }
  }

  /** Lets a caller into a room of an extension. @returns whether an authoriser opens it to them */
  async function enters(caller: DialectCaller, room: string): Promise<boolean> {
    try {
      await caller.enter(room)
      return true
    } catch (error) {
      if (error instanceof ProblemError && error.code === 'not-found') return false
      throw error
    }
  }

  /** Whether a caller may be in a room. */
  async function admits(caller: DialectCaller, room: string): Promise<boolean> {
    const [kind, name = '', id = ''] = room.split(':')
    switch (kind) {
      case 'user':
        return room === `user:${caller.userId}`
      case 'collection':
        return collections.has(name) && room === `collection:${name}`
      case 'item':
        return room === `item:${name}:${id}` && (await mayRead(caller, name, id))
      // Rooms of the engine, by their own request only.
      case 'project':
        return false
      default:
        return enters(caller, room)
    }
  }

  return async (caller: DialectCaller, room: unknown) => {
    if (typeof room !== 'string' || room === '' || room.length > MAX_NAME) throw refused()
    if (!(await admits(caller, room))) throw refused()
    return joined(room)
  }
}
