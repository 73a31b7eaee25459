import type { Cut, File } from '@cutroom/client'
import { setCutState } from '../lib/cut-files.ts'
import { useMay, useRoom } from '../lib/room.ts'
import { exact } from '../lib/time.ts'
import { soundTexts } from '../texts-sound.ts'

const words = soundTexts.state

/** Draft, in review or approved, as which take and by which person, and what may be done about it. @param newest the current take */
export function CutState({ cut, newest }: { cut: Cut; newest: File | undefined }) {
  const room = useRoom()
  const mayEdit = useMay('editor')
  const { state, approvedBy, approvedTake, approvedAt } = cut
  const set = (to: Cut['state'], text: string, take?: File) => (
    <button type="button" class="button tight" onClick={() => setCutState(room, cut, to, take)}>
      {text}
    </button>
  )
  return (
    <div class="cut-state">
      <span class={`chip wide state-${state}`} title={approvedAt === null ? undefined : exact(approvedAt)}>
        {state === 'approved' && approvedBy ? words.approvedBy(approvedBy.name, approvedTake ?? 0) : words.names[state]}
      </span>
      {mayEdit && (
        <>
          {state === 'draft' && set('review', words.submit)}
          {state === 'review' && newest && set('approved', words.approve(newest.take ?? 0), newest)}
          {state === 'review' && set('draft', words.draft)}
          {state === 'approved' && set('review', words.reopen)}
        </>
      )}
    </div>
  )
}
