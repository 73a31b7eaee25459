import type { Mutation } from '@cutroom/client'
import { useRoomValue } from '../lib/room.ts'
import { base } from '../lib/router.ts'
import { client, problemText } from '../lib/session.ts'
import { useSelected } from '../lib/use-selected.ts'
import { texts } from '../texts.ts'

/** What is known of a write that is not confirmed. */
export type Unsent = Pick<Mutation, 'state' | 'problem' | 'retry' | 'discard'>

/** The write that a row was drawn by, while it is not confirmed. */
export const usePending = (id: string): Mutation | undefined => useRoomValue((room) => room.pending.get(id), [id])

/** One that was drawn before it was made has no address yet. */
export const hasAddress = ({ version }: { version: number }): boolean => version > 0

/**
 * What became of a write: will be sent, or was refused, with the reason and what can be done.
 * @param onEdit puts what was written back where it was written
 * @param compare where both versions are shown of what another person has changed
 */
export function Pending({ mutation, compare, onEdit }: { mutation: Unsent | undefined; compare?: string; onEdit?: () => void }) {
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
        {compare !== undefined && mutation.problem?.code === 'stale' ? (
          <a class="button tight" href={base + compare}>
            {texts.conflict.compare}
          </a>
        ) : (
          <button type="button" class="button tight" onClick={() => mutation.retry()}>
            {texts.tryAgain}
          </button>
        )}
        {onEdit && (
          <button type="button" class="button tight" onClick={onEdit}>
            {texts.edit}
          </button>
        )}
        <button type="button" class="button tight" onClick={() => mutation.discard()}>
          {texts.discard}
        </button>
      </div>
    </div>
  )
}
