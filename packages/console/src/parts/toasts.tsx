import { useEffect, useState } from 'preact/hooks'
import { useCell } from '../lib/cell.ts'
import { dialogs, dismiss, spoken, toasts } from '../lib/say.ts'
import { firstTexts as texts } from '../texts-first.ts'
import { CloseIcon } from './icons.tsx'

/** What was read out last, in a dialog or behind it. */
let told = ''

/** The region that screen readers read out: it has to be there before its text, which no other one has had. */
function Spoken() {
  const text = useCell(spoken)
  const [shown, show] = useState('')
  useEffect(() => {
    if (text === told) return
    told = text
    show(text)
  }, [text])
  return (
    <div class="hidden" role="status" aria-live="polite">
      {shown}
    </div>
  )
}

/** Short messages. @param within the dialog that shows them while it is on top; the page does while there is none */
export function Toasts({ within }: { within?: string }) {
  return useCell(dialogs).at(-1) === within ? <Shown /> : null
}

function Shown() {
  return (
    <>
      <Spoken />
      <section class="toasts" aria-label={texts.messages}>
        {useCell(toasts).map(({ id, text, kind, action }) => (
          <div key={id} class={`note ${kind === 'bad' ? 'bad' : ''}`}>
            <span class="grow">{text}</span>
            {action && (
              <button
                type="button"
                class="button tight"
                onClick={() => {
                  dismiss(id)
                  action.run()
                }}
              >
                {action.text}
              </button>
            )}
            <button type="button" class="icon-button" aria-label={texts.dismiss} onClick={() => dismiss(id)}>
              <CloseIcon />
            </button>
          </div>
        ))}
      </section>
    </>
  )
}
