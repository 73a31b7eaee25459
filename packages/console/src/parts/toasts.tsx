import { useCell } from '../lib/cell.ts'
import { dismiss, spoken, toasts } from '../lib/say.ts'
import { texts } from '../texts.ts'
import { CloseIcon } from './icons.tsx'

/** Short messages, and the region that screen readers read out. */
export function Toasts() {
  return (
    <>
      <div class="hidden" role="status" aria-live="polite">
        {useCell(spoken)}
      </div>
      <div class="toasts">
        {useCell(toasts).map(({ id, text, kind }) => (
          <div key={id} class={`note ${kind === 'bad' ? 'bad' : ''}`}>
            <span class="grow">{text}</span>
            <button type="button" class="icon-button" aria-label={texts.dismiss} onClick={() => dismiss(id)}>
              <CloseIcon />
            </button>
          </div>
        ))}
      </div>
    </>
  )
}
