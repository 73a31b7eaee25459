import { type Cut, comments, cuts, type File, type ProjectState, type Room } from '@cutroom/client'
import { soundTexts } from '../texts-sound.ts'
import type { Sound } from './player.ts'
import { complain, useRoomValue } from './room.ts'
import { base } from './router.ts'
import { announce, toast } from './say.ts'
import { client } from './session.ts'

/** Takes of a cut, the newest first. */
export const takesOf = (files: readonly File[]): readonly File[] =>
  files.filter(({ take }) => take !== null).toSorted((a, b) => (b.take ?? 0) - (a.take ?? 0))

const none: readonly File[] = []
export const useFiles = (cutId: string): readonly File[] => useRoomValue(({ state }) => state?.filesOf(cutId) ?? none, [cutId])

export const contentUrl = ({ id }: File): string => `${base}/api/files/${id}/content`
export const downloadUrl = (file: File): string => `${contentUrl(file)}?download=true`
export const thumbnailUrl = ({ id }: File): string => `${base}/api/files/${id}/thumbnail`

export const soundOf = (file: File): Sound => ({
  id: file.id,
  name: soundTexts.take(file.take ?? 0),
  url: contentUrl(file),
  durationMs: file.audio?.durationMs ?? null,
})

/** Open threads of older takes that were not carried to this one, by take. */
export function uncarried(
  state: ProjectState,
  cutId: string,
  newest: File,
  older: readonly File[],
): readonly { from: File; n: number }[] {
  const all = state.commentsOf(cutId)
  const there = new Set(all.filter(({ fileId }) => fileId === newest.id).map(({ carriedFrom }) => carriedFrom))
  const open = all.filter(({ parentId, resolvedAt }) => parentId === null && resolvedAt === null)
  return older
    .map((from) => ({
      from,
      n: open.filter(({ id, fileId, carriedFrom }) => fileId === from.id && !there.has(carriedFrom ?? id)).length,
    }))
    .filter(({ n }) => n > 0)
}

/** Carries them, the oldest take first: a thread that went through several takes comes from the last one. */
export async function carryAll(newest: File, older: readonly File[]): Promise<void> {
  let carried = 0
  try {
    for (const { id } of older) {
      const { data } = await client.call(comments.carry, { params: { fileId: newest.id }, body: { from: id } })
      carried += data.length
    }
    announce(soundTexts.files.carried(carried, newest.take ?? 0))
  } catch (error) {
    complain(error)
  }
}

const EVENTS = { draft: 'cut:drafted', review: 'cut:submitted', approved: 'cut:approved' } as const

/** @param take the current one, for an approval */
export function setCutState({ projectId }: Room, cut: Cut, state: Cut['state'], take?: File): void {
  const approves = state === 'approved' && take !== undefined
  client
    .mutate(
      cuts.setState,
      { params: { cutId: cut.id }, body: approves ? { state, fileId: take.id } : { state } },
      {
        projectId,
        draw: ({ at, me }) => ({
          name: EVENTS[state],
          payload: {
            id: cut.id,
            state,
            approvedFileId: approves ? take.id : null,
            approvedTake: approves ? take.take : null,
            approvedAt: approves ? at : null,
            approvedBy: approves ? me : null,
            version: cut.version + 1,
          },
        }),
      },
    )
    .catch((error) => {
      const { code } = (error as { problem?: { code?: string } }).problem ?? {}
      if (code === 'conflict') toast(soundTexts.state.newer, 'bad')
      else complain(error)
    })
}

/** Why a file could not be processed. */
export const failureOf = ({ failure }: File): string | null => failure && soundTexts.files.failures[failure]
