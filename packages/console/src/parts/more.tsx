import { useState } from 'preact/hooks'
import { complain } from '../lib/room.ts'
import { texts } from '../texts.ts'

/** Loads what is older in a list. */
export function More({ text, more }: { text: string; more: () => Promise<unknown> }) {
  const [isBusy, setBusy] = useState(false)
  return (
    <p class="more-row">
      <button
        type="button"
        class="button"
        disabled={isBusy}
        onClick={() => {
          setBusy(true)
          void more()
            .catch(complain)
            .finally(() => setBusy(false))
        }}
      >
        {isBusy ? texts.working : text}
      </button>
    </p>
  )
}
