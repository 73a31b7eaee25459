import { useCell } from '../lib/cell.ts'
import { dismiss, spoken, toasts } from '../lib/say.ts'
import { firstTexts as texts } from '../texts-first.ts'
import { CloseIcon } from './icons.tsx'

/** Short messages, and the region that screen readers read out. */
export function Toasts() {
  return (
    <>
      <div class="hidden" role="status" aria-live="polite">
        {useCell(spoken)}
      </div>
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
