import { useEffect, useRef, useState } from 'preact/hooks'
import { complain } from '../lib/room.ts'
import { nameOf } from '../lib/things.ts'
import { keepUnsent, unsent } from '../lib/unsent.ts'
import { texts } from '../texts.ts'
import { chatTexts } from '../texts-chat.ts'
import { SendIcon } from './chat-icons.tsx'

const words = chatTexts.messages
/** UTF-16 units that the server takes. */
const LONGEST = 4_000
const LINES = 8

/** On a screen that is touched the key for a new line stays one. */
const hasKeyboard = (): boolean => matchMedia('(hover: hover) and (pointer: fine)').matches

/** Where a message is written or edited. Enter sends, Shift and Enter begins a line. */
export function MessageBox(props: {
  /** Of the text that is kept. */
  id: string
  label: string
  initial?: string
  action?: string
  autoFocus?: boolean
  onTyping?: (isTyping: boolean) => void
  /** Rejects where it cannot be sent: then what was written is back. */
  onSend: (body: string) => Promise<unknown>
  onCancel?: () => void
}) {
  const [body, setBody] = useState(() => unsent(props.id) ?? props.initial ?? '')
  const box = useRef<HTMLTextAreaElement>(null)
  const canSend = body.trim() !== ''
  useEffect(() => {
    if (props.autoFocus) box.current?.focus()
  }, [])
  const write = (next: string) => {
    setBody(next)
    keepUnsent(props.id, next)
    props.onTyping?.(next !== '')
  }
  const cancel = () => {
    keepUnsent(props.id, null)
    props.onCancel?.()
  }
  const send = () => {
    if (!canSend) return
    write('')
    box.current?.focus()
    props.onSend(body.trim()).catch((error) => {
      write([body, box.current?.value].filter(Boolean).join('\n'))
      complain(error)
    })
  }
  /** An address of this page becomes the name of what it shows. */
  const pasted = (text: string) =>
    void nameOf(text.trim()).then((name) => {
      if (name !== null && box.current) write(box.current.value.replace(text.trim(), () => name))
    })
  return (
    <form
      class="message-box"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      <textarea
        ref={box}
        aria-label={props.label}
        placeholder={words.placeholder}
        title={words.help}
        rows={Math.min(body.split('\n').length, LINES)}
        maxLength={LONGEST}
        dir="auto"
        enterkeyhint={hasKeyboard() ? 'send' : 'enter'}
        value={body}
        onInput={(event) => write(event.currentTarget.value)}
        onPaste={(event) => pasted(event.clipboardData?.getData('text/plain') ?? '')}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && !event.shiftKey && (hasKeyboard() || event.ctrlKey)) {
            event.preventDefault()
            send()
          } else if (event.key === 'Escape' && props.onCancel) {
            event.stopPropagation()
            event.preventDefault()
            cancel()
          }
        }}
      />
      {props.onCancel && (
        <button type="button" class="button" onClick={cancel}>
          {texts.cancel}
        </button>
      )}
      <button type="submit" class="button primary" aria-label={props.action ?? words.send} disabled={!canSend}>
        {props.action ?? <SendIcon />}
      </button>
    </form>
  )
}
