import { useEffect } from 'preact/hooks'
import { useCell } from '../lib/cell.ts'
import { useHasBeenIdle } from '../lib/idle.ts'
import { address, base } from '../lib/router.ts'
import { announce } from '../lib/say.ts'
import { client } from '../lib/session.ts'
import { useSelected } from '../lib/use-selected.ts'
import { texts } from '../texts.ts'
import { BellIcon } from './frame-icons.tsx'

const MOST = 99

/** The way to the inbox, with how much there was not seen; what arrives is spoken. */
export function Bell() {
  // reading the state loads it: not before there is time
  const isTime = useHasBeenIdle()
  const unseen = useSelected(() => client.notifications.select((part) => (isTime && part.state?.unseen) || 0), [isTime])
  const isHere = useCell(address).startsWith('/inbox')
  useEffect(() => client.on('notification:new', () => announce(texts.frame.notified)), [])
  return (
    <a
      class="icon-button bell"
      href={`${base}/inbox`}
      aria-label={texts.frame.bell(unseen)}
      aria-current={isHere ? 'page' : undefined}
    >
      <BellIcon />
      {unseen > 0 && (
        <span class="badge" aria-hidden="true">
          {unseen > MOST ? texts.frame.many : unseen}
        </span>
      )}
    </a>
  )
}
