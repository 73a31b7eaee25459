import type { Problem } from '@cutroom/client'
import { useEffect, useRef, useState } from 'preact/hooks'
import { useRoomValue } from '../lib/room.ts'
import { client, problemText } from '../lib/session.ts'
import { clockTime } from '../lib/time.ts'
import { useSelected } from '../lib/use-selected.ts'
import { texts } from '../texts.ts'

/** How long a lost connection may take to come back before it is told, ms. */
const PATIENCE_MS = 400

/** That the connection is lost, once it is worth saying. */
function Lost({ isLost, isOff, problem }: { isLost: boolean; isOff: boolean; problem?: Problem | undefined }) {
  const queued = useSelected(
    () => client.select(({ mutations }) => mutations.filter(({ state }) => state === 'queued' || state === 'sending').length),
    [],
  )
  const liveAt = useRef(Date.now())
  const [isTold, setTold] = useState(false)
  useEffect(() => {
    if (!isLost) {
      setTold(false)
      return
    }
    liveAt.current = Date.now()
    const timer = setTimeout(() => setTold(true), PATIENCE_MS)
    return () => clearTimeout(timer)
  }, [isLost])
  if (!isTold || !isLost) return null
  return (
    <div class="note warn row wrap" role="status">
      <span class="grow">
        {texts.status.stale(clockTime(liveAt.current))} {queued > 0 && texts.status.queued(queued)}
        {problem && ` ${problemText(problem)}`}
      </span>
      {isOff ? (
        <button type="button" class="button tight" onClick={() => void client.connect().catch(() => {})}>
          {texts.status.connect}
        </button>
      ) : (
        <span>{texts.status.reconnecting}</span>
      )}
    </div>
  )
}

/** The state of the project's room; nothing while it is as it should be. */
export function StatusBar() {
  const status = useRoomValue((room) => room.status)
  const problem = useRoomValue((room) => room.problem)
  const has = useRoomValue((room) => room.state !== null)
  return <Lost isLost={has && (status === 'stale' || status === 'offline')} isOff={status === 'offline'} problem={problem} />
}

/** The same where no project is shown: of the connection. */
export function ConnectionBar() {
  const status = useSelected(() => client.select((one) => one.status), [])
  const wasOnline = useRef(false)
  wasOnline.current ||= status === 'online'
  return <Lost isLost={wasOnline.current && status !== 'online'} isOff={status === 'offline'} />
}
