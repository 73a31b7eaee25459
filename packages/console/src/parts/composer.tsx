import { useEffect, useRef, useState } from 'preact/hooks'
import { useRoom } from '../lib/room.ts'
import { readMediaTime } from '../lib/time.ts'
import { texts } from '../texts.ts'

const words = texts.comments
const LONGEST = 10_000

/** What is written but not sent survives a change of the view, and a reload. */
const draftKey = (key: string): string => `cutroom draft ${key}`

/** Where a comment or a reply is written. Ctrl or Cmd and Enter sends. */
export function Composer(props: {
  id: string
  label: string
  /** The cut or task, for those who see that another person writes. */
  targetId: string
  draft?: string
  initial?: string
  hasTime?: boolean
  action?: string
  autoFocus?: boolean
  onSend: (body: string, atMs: number | null) => void
  onCancel?: () => void
}) {
  const room = useRoom()
  const key = draftKey(props.draft ?? props.targetId)
  const [body, setBody] = useState(() => props.initial ?? sessionStorage.getItem(key) ?? '')
  const [at, setAt] = useState('')
  const box = useRef<HTMLTextAreaElement>(null)
  const atMs = readMediaTime(at)
  const canSend = body.trim() !== '' && atMs !== undefined
  useEffect(() => {
    if (props.autoFocus) box.current?.focus()
  }, [])
  const write = (next: string) => {
    setBody(next)
    if (next === '') sessionStorage.removeItem(key)
    else sessionStorage.setItem(key, next)
    room.setTyping(props.targetId, next !== '')
  }
  const send = () => {
    if (!canSend) return
    props.onSend(body.trim(), atMs ?? null)
    write('')
    setAt('')
  }
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      <textarea
        ref={box}
        id={props.id}
        aria-label={props.label}
        placeholder={props.label}
        rows={2}
        maxLength={LONGEST}
        dir="auto"
        value={body}
        onInput={(event) => write(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
            event.preventDefault()
            send()
          } else if (event.key === 'Escape' && props.onCancel) {
            event.stopPropagation()
            event.preventDefault()
            props.onCancel()
          }
        }}
      />
      <div class="row">
        {props.hasTime && (
          <input
            class="at"
            aria-label={words.at}
            placeholder={words.at}
            value={at}
            aria-invalid={atMs === undefined}
            title={atMs === undefined ? words.atWrong : undefined}
            onInput={(event) => setAt(event.currentTarget.value)}
          />
        )}
        <span class="grow" />
        {props.onCancel && (
          <button type="button" class="button" onClick={props.onCancel}>
            {texts.cancel}
          </button>
        )}
        <button type="submit" class="button primary" disabled={!canSend}>
          {props.action ?? words.send}
        </button>
      </div>
    </form>
  )
}
