import type { Mutation } from '@cutroom/client'
import { useRoomValue } from '../lib/room.ts'
import { client, problemText } from '../lib/session.ts'
import { useSelected } from '../lib/use-selected.ts'
import { texts } from '../texts.ts'

/** The write that a row was drawn by, while it is not confirmed. */
export const usePending = (id: string): Mutation | undefined => useRoomValue((room) => room.pending.get(id), [id])

/** What became of a write: will be sent, or was refused, with the reason and what can be done. */
export function Pending({ mutation }: { mutation: Mutation | undefined }) {
  const status = useSelected(() => client.select((one) => one.status), [])
  if (!mutation) return null
  if (status !== 'online' && mutation.state !== 'refused') return <span class="chip">{texts.willBeSent}</span>
  if (mutation.state !== 'refused') return null
  return (
    <div class="note bad stack" role="alert">
      <p class="small">
        <strong>{texts.notSent}.</strong> {mutation.problem && problemText(mutation.problem)}
      </p>
      <div class="row">
        <button type="button" class="button tight" onClick={() => mutation.retry()}>
          {texts.tryAgain}
        </button>
        <button type="button" class="button tight" onClick={() => mutation.discard()}>
          {texts.discard}
        </button>
      </div>
    </div>
  )
}
