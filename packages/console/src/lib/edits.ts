// Changes of rows that are there: drawn at once, sent in order, and kept with the reason where they are refused.
import {
  type Cut,
  cuts,
  type Draw,
  type Endpoint,
  type Lyrics,
  type Mutation,
  type Room,
  type Task,
  tasks,
  type Vibe,
  vibes,
} from '@cutroom/client'
import { complain, queue } from './room.ts'
import { client } from './session.ts'
import { useSelected } from './use-selected.ts'

const isOf = ({ endpoint: { method, url }, args }: Mutation, endpoint: Endpoint, id: string): boolean =>
  method === endpoint.method && url === endpoint.url && Object.values(args.params ?? {}).includes(id)

const editOf = (endpoint: Endpoint, id: string): Mutation | undefined =>
  client.mutations.findLast((mutation) => isOf(mutation, endpoint, id))

/** The last change of a row by this endpoint that is not confirmed yet. */
export const useEdit = (endpoint: Endpoint, id: string): Mutation | undefined =>
  useSelected(() => client.select(() => editOf(endpoint, id)), [endpoint, id])

const refusedOf = (endpoint: Endpoint, id: string): readonly Mutation[] =>
  client.mutations.filter((mutation) => mutation.state === 'refused' && isOf(mutation, endpoint, id))

/** Forgets all changes of a row by this endpoint that were refused. */
export function takeTheirs(endpoint: Endpoint, id: string): void {
  for (const mutation of refusedOf(endpoint, id)) mutation.discard()
}

/** What another person made of the row, where a change of it was refused for that. */
export const theirsOf = <R>(mutation: Mutation | undefined): R | null =>
  mutation?.state === 'refused' && mutation.problem?.code === 'stale' ? ((mutation.problem.current ?? null) as R | null) : null

/**
 * @param row as the editing began with it
 * @param changes null: those that were refused are sent over what the other person made, which was shown beside them
 */
async function edit<R extends { id: string; projectId: string; version: number }>(
  endpoint: typeof tasks.update | typeof cuts.update | typeof vibes.update,
  param: string,
  row: R,
  changes: object | null,
  draw: (version: number, changes: object) => Draw,
): Promise<void> {
  const refused = refusedOf(endpoint, row.id)
  // refused changes go along with the next one
  const body = Object.assign({}, ...refused.map(({ args }) => args.body), changes)
  const seen = changes ? null : theirsOf<R>(refused.at(-1))
  const version = seen?.version ?? refused[0]?.args.ifMatch ?? row.version
  if (Object.keys(body).length > 0) {
    const args = { params: { [param]: row.id }, body, ifMatch: version } as object
    await queue<Endpoint>(endpoint, args, { projectId: row.projectId, draw: draw(version + 1, body) })
  }
  for (const mutation of refused) mutation.discard()
}

export type TaskChanges = Partial<Pick<Task, 'title' | 'description' | 'assigneeId' | 'dueAt' | 'labels'>>
export const saveTask = (room: Room, task: Task, changes: TaskChanges | null): Promise<void> =>
  edit(tasks.update, 'taskId', task, changes, (version, body: TaskChanges) => {
    const { assigneeId } = body
    const assignee =
      assigneeId === undefined ? {} : { assignee: (assigneeId && room.state?.members.get(assigneeId)?.user) || null }
    return { name: 'task:updated', payload: { id: task.id, ...body, ...assignee, version } }
  })

export type CutChanges = Partial<Pick<Cut, 'name' | 'bpm' | 'timeSignature'>>
export const saveCut = (cut: Cut, changes: CutChanges | null): Promise<void> =>
  edit(cuts.update, 'cutId', cut, changes, (version, body) => ({
    name: 'cut:updated',
    payload: { id: cut.id, ...body, version },
  }))

type CutDraft = { name: string; bpm: string; timeSignature: string }
/** A cut as it stands in the fields of its form. */
export const cutDraftOf = (cut: Cut): CutDraft => ({
  name: cut.name,
  bpm: cut.bpm === null ? '' : String(cut.bpm),
  timeSignature: cut.timeSignature ?? '',
})

export type VibeChanges = Partial<Pick<Vibe, 'name' | 'theme'>>
export const saveVibe = (vibe: Vibe, changes: VibeChanges | null): Promise<void> =>
  edit(vibes.update, 'vibeId', vibe, changes, (version, body) => ({
    name: 'vibe:updated',
    payload: { id: vibe.id, ...body, version },
  }))

export function deleteCut({ projectId, id }: Cut): void {
  client
    .mutate(cuts.delete, { params: { cutId: id } }, { projectId, draw: { name: 'cut:deleted', payload: { cutId: id } } })
    .catch(complain)
}

export function deleteVibe({ projectId, id }: Vibe): void {
  client
    .mutate(vibes.delete, { params: { vibeId: id } }, { projectId, draw: { name: 'vibe:deleted', payload: { vibeId: id } } })
    .catch(complain)
}

/** @param version of the lyrics that the editing began with */
export const saveLyrics = ({ projectId }: Room, cutId: string, lyrics: Lyrics['lyrics'], version: number) =>
  queue(
    cuts.writeLyrics,
    { params: { cutId }, body: { lyrics }, ifMatch: version },
    { projectId, draw: { name: 'lyrics:updated', payload: { cutId, lyrics, version: version + 1 } } },
  )
