import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { dialogs } from '../lib/say.ts'
import { texts } from '../texts.ts'
import { CloseIcon } from './icons.tsx'
import { Toasts } from './toasts.tsx'

let made = 0

/** A modal dialog: focus stays inside, Escape closes it, and focus returns to where it was. */
export function Dialog(props: { title: string; wide?: boolean; onClose: () => void; children: ComponentChildren }) {
  const box = useRef<HTMLDialogElement>(null)
  const id = useRef('')
  if (id.current === '') id.current = `dialog-${++made}`
  useLayoutEffect(() => {
    const before = document.activeElement
    const dialog = box.current
    dialog?.showModal()
    dialogs.value = [...dialogs.value, id.current]
    return () => {
      dialogs.value = dialogs.value.filter((each) => each !== id.current)
      dialog?.close()
      if (before instanceof HTMLElement && before.isConnected) before.focus()
    }
  }, [])
  return (
    <dialog
      ref={box}
      class={props.wide ? 'wide' : undefined}
      aria-labelledby={id.current}
      onCancel={(event) => {
        event.preventDefault()
        props.onClose()
      }}
    >
      <div class="dialog-head">
        <h2 id={id.current} class="grow long">
          {props.title}
        </h2>
        <button type="button" class="icon-button" aria-label={texts.close} onClick={props.onClose}>
          <CloseIcon />
        </button>
      </div>
      {props.children}
      <Toasts within={id.current} />
    </dialog>
  )
}

/** Asks before something is done that cannot be undone. */
export function Confirm(props: { title: string; text: string; action: string; onDo: () => void; onClose: () => void }) {
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <div class="stack">
        <p>{props.text}</p>
        <div class="row">
          <button
            type="button"
            class="button bad"
            onClick={() => {
              props.onClose()
              props.onDo()
            }}
          >
            {props.action}
          </button>
          <button type="button" class="button" onClick={props.onClose}>
            {texts.cancel}
          </button>
        </div>
      </div>
    </Dialog>
  )
}

/** In the form of a dialog: forgets the edit, or deletes what it is about. */
export const CancelOrDelete = ({ onCancel, onDelete }: { onCancel: () => void; onDelete: () => void }) => (
  <>
    <button type="button" class="button" onClick={onCancel}>
      {texts.cancel}
    </button>
    <button type="button" class="button plain" onClick={onDelete}>
      {texts.delete}
    </button>
  </>
)
