import { isDeepStrictEqual } from 'node:util'
import { type CutroomClient, createClient, loadProject, type Room, snapshotOf } from '@cutroom/client'
import { rooms } from '@cutroom/contract'
import { until } from '../../support/until.ts'
import type { Stage } from './stage.ts'
import type { World } from './world.ts'

/** Typed clients that keep a project's whole state: it must equal a fresh snapshot. */
export interface TypedClients {
  /** Events that could not be applied, and whatever else went wrong in them. */
  errors: string[]
  resets(): number
  rooms: Room[]
  /** Waits until they have everything, and says which differ from a fresh snapshot taken at `url`. */
  differences(url: string, heads: Map<string, number>, withinMs: number): Promise<string[]>
  close(): void
}

/** One client for each of the first `count` projects, each on a node of its own where there are enough. */
export async function startTypedClients(stage: Stage, world: World, urls: string[], count: number): Promise<TypedClients> {
  const errors: string[] = []
  const open: { client: CutroomClient; room: Room; projectId: string }[] = []
  let resets = 0
  for (const [index, place] of world.projects.slice(0, count).entries()) {
    const person = place.members[index % place.members.length]
    if (!person) continue
    const client = createClient({
      url: urls[index % urls.length] ?? '',
      tokens: { accessToken: person.token, refreshToken: person.refreshToken },
      // A node that is down is no error of the client's.
      onError: (error) => void (error instanceof TypeError || errors.push(String(error))),
      socket: { reconnectionDelay: 50, reconnectionDelayMax: 300 },
    })
    const room = client.room(place.id)
    room.on('reset', () => {
      resets++
    })
    open.push({ client, room, projectId: place.id })
  }
  const close = () => {
    for (const { client } of open) client.close()
  }
  stage.undo(close)
  await until('the typed clients are live', () => open.every(({ room }) => room.status === 'live'), 30_000)

  return {
    errors,
    resets: () => resets,
    rooms: open.map(({ room }) => room),
    async differences(url, heads, withinMs) {
      const found: string[] = []
      for (const { client, room, projectId } of open) {
        try {
          await room.caughtUp(heads.get(projectId) ?? 0, { timeoutMs: withinMs })
        } catch (error) {
          found.push(`${projectId} stays at #${room.position?.seq} of #${heads.get(projectId)} (${room.status}): ${error}`)
          continue
        }
        const asker = createClient({ url, tokens: client.tokens })
        const page = (cursor?: string) => asker.call(rooms.snapshot, { params: { projectId }, query: { cursor } })
        const loaded = await loadProject(page, AbortSignal.timeout(withinMs))
        asker.close()
        const { epoch, seq } = loaded.start
        const fresh = snapshotOf(loaded.state)
        const { state, position } = room
        if (!state || position?.seq !== seq || position.epoch !== epoch)
          found.push(`${projectId} stands at #${position?.seq} of ${position?.epoch}, the snapshot at #${seq} of ${epoch}`)
        else if (!isDeepStrictEqual(snapshotOf(state), fresh)) {
          const mine = snapshotOf(state)
          const parts = (Object.keys(fresh) as (keyof typeof fresh)[]).filter(
            (part) => !isDeepStrictEqual(mine[part], fresh[part]),
          )
          found.push(`${projectId} differs from a fresh snapshot in ${parts.join(', ')}`)
        }
      }
      return found
    },
    close,
  }
}
